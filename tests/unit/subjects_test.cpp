#include <gtest/gtest.h>

#include "bw/protocol.hpp"

namespace bw {
namespace {

TEST(Subjects, MatchTokenByToken) {
    for (const auto& [pattern, subject] : {std::pair{"a", "a"},
                                           {"a.b", "a.b"},
                                           {"*", "a"},
                                           {"a.*", "a.b"},
                                           {"*.b", "a.b"},
                                           {"a.*.c", "a.b.c"},
                                           {">", "a"},
                                           {">", "a.b.c"},
                                           {"a.>", "a.b"},
                                           {"a.>", "a.b.c"},
                                           {"*.>", "a.b"}}) {
        EXPECT_TRUE(matches(pattern, subject)) << pattern << " " << subject;
    }
}

TEST(Subjects, DoNotMatchInPart) {
    for (const auto& [pattern, subject] : {std::pair{"a", "b"},
                                           {"a", "A"},
                                           {"a", "ab"},
                                           {"ab", "a"},
                                           {"a", "a.b"},
                                           {"a.b", "a"},
                                           {"*", "a.b"},
                                           {"a.*", "a"},
                                           {"a.*", "a.b.c"},
                                           {"a.>", "a"},
                                           {"a.>", "ab.c"},
                                           {"*.>", "a"},
                                           {"a*", "ab"},
                                           {"a>", "ab"}}) {
        EXPECT_FALSE(matches(pattern, subject)) << pattern << " " << subject;
    }
}

}  // namespace
}  // namespace bw
