#include "bw/base/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "bw/base/thread.hpp"

namespace bw::log {
namespace {

using testing::HasSubstr;

TEST(Log, TextQuotesWhatDoesNotStandBare) {
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, "job done", {{"id", "a-1"}, {"seq", 17}}),
              "info job done id=a-1 seq=17");
    EXPECT_EQ(format_line(Format::kText, Level::kError, "x", {{"id", "a b"}, {"where", ""}, {"k", "a=b"}}),
              R"(error x id="a b" where="" k="a\u003db")");
}

TEST(Log, NumbersAreNumbers) {
    const Fields fields{{"seq", 17}, {"landlock", Value(7)}, {"memory_limit", Value(NoNumber{"not here"})}};
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, "x", fields),
              R"(info x seq=17 landlock=7 memory_limit="not here")");
    EXPECT_EQ(format_line(Format::kJson, Level::kInfo, "x", fields),
              R"("level":"info","msg":"x","seq":17,"landlock":7,"memory_limit":null)");
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

TEST(Log, EachLineMayEndWithTheSameFields) {
    add_to_each_line({{"worker", 2}});
    testing::internal::CaptureStderr();
    warn("careful");
    error({ErrorKind::kJob, "here", "what"}, {{"seq", 1}});
    const std::string lines = testing::internal::GetCapturedStderr();
    add_to_each_line({});
    EXPECT_THAT(lines, HasSubstr("warn careful worker=2\n"));
    EXPECT_THAT(lines, HasSubstr("where=here seq=1 worker=2\n"));
}

TEST(Log, AWorkerThatWasStartedAgainIsQuietAboutIt) {
    const auto startup_line = [] {
        testing::internal::CaptureStderr();
        startup("ready");
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_THAT(startup_line(), HasSubstr("info ready\n"));
    set_startup_level(Level::kDebug);
    EXPECT_EQ(startup_line(), "");
    set_startup_level(Level::kInfo);
}

// The log is a pipe that does not wait here. Linux takes the first bytes of a line that is longer than the
// pipe.
TEST(Log, TheLineAfterOneThatWasCutOffStandsOnItsOwn) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
    ASSERT_EQ(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    const int standard_error = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    info("first");
    info(std::string(4096, 'y'));
    info("whole");
    ::dup2(standard_error, STDERR_FILENO);
    std::string text(8192, '\0');
    const ssize_t length = ::read(ends[0], text.data(), text.size());
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    for (const int descriptor : {standard_error, ends[0], ends[1]}) ::close(descriptor);
    EXPECT_THAT(text, testing::MatchesRegex("2[^ ]*Z info first\n2[^ ]*Z info y*\n2[^ ]*Z info whole\n"));
}

TEST(RunOrExit, AnExceptionIsALineAndAnExitCode) {
    const auto fail = [](const auto& what) { run_or_exit([&] { throw what; }); };
    EXPECT_EXIT(fail(Error(ErrorKind::kQueue, "reply", "no number")), testing::ExitedWithCode(3),
                "error no number kind=queue class=transient where=reply\n");
    EXPECT_EXIT(fail(std::out_of_range("no such member")), testing::ExitedWithCode(1),
                "error no such member kind=internal class=permanent where=bw\n");
    EXPECT_EXIT(fail(5), testing::ExitedWithCode(1),
                "error an exception of a type that bw does not throw kind=");
    run_or_exit([] {});
}

TEST(Log, NoValueCanForgeALine) {
    const Fields fields{{"id", "a\n2026 error forged\x1b[31m\x7f"}};
    const std::string text = format_line(Format::kText, Level::kInfo, "two\nlines \"quoted\"", fields);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.substr(0, 32), R"(info two\nlines "quoted" id="a\n)");
}

// Escapes for a terminal, C1, line separators, bidirectional overrides, zero widths, a byte that is no UTF-8.
constexpr std::array kHostile{"\n2026 error x",
                              "\r",
                              "\t",
                              "\x1b[2J",
                              "\x7f",
                              "\xc2\x85",
                              "\xc2\x9b",
                              "\xe2\x80\xa8",
                              "\xe2\x80\xa9",
                              "\xe2\x80\xae",
                              "\xe2\x81\xa6",
                              "\xe2\x80\x8b",
                              "\xef\xbb\xbf",
                              "\xf3\xa0\x81\x81",
                              "\xff",
                              "\\",
                              "\""};

TEST(Log, WhatTerminalsObeyIsEscaped) {
    for (const std::string hostile : kHostile) {
        for (const Format format : {Format::kText, Format::kJson}) {
            auto line = format_line(format, Level::kInfo, "a" + hostile, {{"id", "b" + hostile}});
            // U+FFFD, which stands for what is no UTF-8.
            for (std::size_t at = 0; (at = line.find("\xef\xbf\xbd", at)) != line.npos;) line.erase(at, 3);
            EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7f; }))
                << line;
        }
    }
}

TEST(Log, LettersOfEveryLanguageStand) {
    const std::string words = "Gr\u00fc\u00dfe \u65e5\u672c \uff21 \U0001f600";
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, words, {{"id", words}}),
              "info " + words + " id=\"" + words + "\"");
}

TEST(Log, NoTextCanForgeAField) {
    const std::string forged = "x\" kind=image where=";
    const auto line = format_line(Format::kText, Level::kError, forged, {{"kind", "job"}, {"id", forged}});
    EXPECT_EQ(line, R"(error x" kind\u003dimage where\u003d kind=job id="x\" kind\u003dimage where\u003d")");
}

TEST(Log, CutsWhatIsTooLong) {
    const std::string whole(4096, 'x');
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, "m", {{"id", whole}}), "info m id=" + whole);
    EXPECT_EQ(format_line(Format::kText, Level::kInfo, "m", {{"id", whole + "yz"}}),
              "info m id=\"" + whole + "... (2 bytes more)\"");
    // The cut is never within a character.
    const auto line =
        nlohmann::json::parse("{" +
                              format_line(Format::kJson, Level::kInfo, std::string(4095, 'x') + "\xc3\xbcy",
                                          {{"id", std::string(1 << 20, '\x01')}}) +
                              "}");
    EXPECT_EQ(line["msg"], std::string(4095, 'x') + "... (3 bytes more)");
    EXPECT_EQ(line["id"], std::string(4096, '\x01') + "... (1044480 bytes more)");
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
