#include "bw/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bw::log {
namespace {

using testing::HasSubstr;

TEST(Log, TextQuotesWhatDoesNotStandBare) {
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, "job done", {{"id", "a-1"}, {"seq", 17}}),
              "info job done id=a-1 seq=17");
    EXPECT_EQ(format_line(Format::kText, Level::kError, "x", {{"id", "a b"}, {"where", ""}, {"k", "a=b"}}),
              R"(error x id="a b" where="" k="a=b")");
}

TEST(Log, TellsTransientFromPermanent) {
    const auto line_of = [](ErrorKind kind) {
        testing::internal::CaptureStderr();
        error({kind, "here", "what"}, {{"seq", 1}});
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_THAT(line_of(ErrorKind::kInput),
                HasSubstr("error what kind=input class=transient where=here seq=1\n"));
    EXPECT_THAT(line_of(ErrorKind::kJob), HasSubstr("kind=job class=permanent where=here"));
}

TEST(Log, NoValueCanForgeALine) {
    const Fields fields{{"id", "a\n2026 error forged\x1b[31m\x7f"}};
    const std::string text = format_line(Format::kText, Level::kInfo, "two\nlines \"quoted\"", fields);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.substr(0, 32), R"(info two\nlines "quoted" id="a\n)");
}

TEST(Log, JsonParsesWhateverTheValuesHold) {
    const Fields fields{{"id", "\"\n\xff\xc3\xbc"}, {"seq", 17}};
    const auto line =
        nlohmann::json::parse("{" + format_line(Format::kJson, Level::kWarn, "a \"b\"", fields) + "}");
    EXPECT_EQ(line["level"], "warn");
    EXPECT_EQ(line["msg"], "a \"b\"");
    EXPECT_EQ(line["id"], "\"\n\xef\xbf\xbd\xc3\xbc");
    EXPECT_EQ(line["seq"], 17);
}

}  // namespace
}  // namespace bw::log
