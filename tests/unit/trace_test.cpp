#include "bw/protocol/trace.hpp"

#include <gtest/gtest.h>

#include <string>

// https://www.w3.org/TR/trace-context
namespace bw {
namespace {

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traces, AreTakenAsTheStandardSays) {
    const auto trace = read_trace(kParent, "congo=t61rcWkgMzE");
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->parent, kParent);
    EXPECT_EQ(trace->state, "congo=t61rcWkgMzE");
    EXPECT_EQ(trace->id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_TRUE(read_trace("01" + kParent.substr(2) + "-more", ""));
}

TEST(Traces, AreNoneWhereTheStandardSaysSo) {
    for (const std::string& text : std::initializer_list<std::string>{
             "", "x", kParent.substr(1), kParent + "0", kParent + "-more", "ff" + kParent.substr(2),
             "0g" + kParent.substr(2), "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
             "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
             "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
             "01" + kParent.substr(2) + "-" + std::string(500, 'a'), "01" + kParent.substr(2) + "-\n"}) {
        EXPECT_FALSE(read_trace(text, "")) << text;
    }
}

TEST(Traces, LeaveOutAStateThatIsNoText) {
    EXPECT_EQ(read_trace(kParent, "a=\r\nX: y")->state, "");
    EXPECT_EQ(read_trace(kParent, std::string(513, 'a'))->state, "");
}

}  // namespace
}  // namespace bw
