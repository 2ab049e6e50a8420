#include "bw/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace bw {
namespace {

// Numbers that are no kind have the name of the first.
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

}  // namespace
}  // namespace bw
