#include "bw/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bw/base/exit_codes.hpp"

namespace bw {
namespace {

// A number that is no kind has the name of the first kind.
bool is_kind(int code) { return code == 1 || name(ErrorKind(code)) != "internal"; }

TEST(Error, IsDocumentedRowByRow) {
    std::ostringstream page;
    page << std::ifstream(BW_SOURCE_DIR "/docs/exit-codes.md").rdbuf();
    for (int code = 1; is_kind(code); ++code) {
        std::ostringstream row;
        const auto kind = ErrorKind(code);
        row << "\n| " << code << " | " << name(kind) << " | "
            << (is_transient(kind) ? "transient" : "permanent") << " | ";
        EXPECT_THAT(page.str(), testing::HasSubstr(row.str()));
    }
    EXPECT_FALSE(is_kind(exit_code(ErrorKind::kDead) + 1));
}

std::string without_code_marks(std::string text) {
    std::erase(text, '`');
    return text;
}

TEST(Error, ExitCodesMeanWhatIsDocumented) {
    std::ostringstream page;
    page << std::ifstream(BW_SOURCE_DIR "/docs/exit-codes.md").rdbuf();
    const std::string text = without_code_marks(page.str());
    int next = 0;
    for (const auto& [code, meaning] : exit_codes()) {
        EXPECT_EQ(code, next++);
        EXPECT_THAT(text, testing::ContainsRegex("\n\\| " + std::to_string(code) + " \\| "));
        EXPECT_THAT(text, testing::HasSubstr("| " + std::string(meaning) + " |\n"));
    }
    EXPECT_FALSE(is_kind(next));
}

}  // namespace
}  // namespace bw
