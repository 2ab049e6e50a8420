#include "bw/base/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace bw {
namespace {

constexpr std::array<std::string_view, 4> kWords{"id", "image", "advisory", "status"};

TEST(Text, FindsTheWordThatWasMeant) {
    EXPECT_EQ(nearest("advisery", kWords), "advisory");  // one letter is another
    EXPECT_EQ(nearest("imag", kWords), "image");         // one is missing
    EXPECT_EQ(nearest("sstatus", kWords), "status");     // one is too many
    EXPECT_EQ(nearest("stauts", kWords), "status");      // two have changed places
    EXPECT_EQ(nearest("Id", kWords), "id");              // the case is another
    EXPECT_EQ(nearest("ADVISRY", kWords), "advisory");
}

TEST(Text, FindsNoWordThatIsOnlyAsLong) {
    for (const std::string_view word : {"", "xy", "priority", "imbibe", "stream"}) {
        EXPECT_EQ(nearest(word, kWords), std::nullopt) << word;
    }
    EXPECT_EQ(nearest(std::string(100'000, 'x'), kWords), std::nullopt);
}

TEST(Text, OfTwoThatAreAsNearTheFirstIsMeant) {
    static constexpr std::array<std::string_view, 2> kTwins{"cab", "car"};
    EXPECT_EQ(nearest("caz", kTwins), "cab");
}

TEST(Text, AsksForTheWordThatWasMeant) {
    EXPECT_EQ(did_you_mean("advisery", kWords), "; did you mean advisory?");
    EXPECT_EQ(did_you_mean("priority", kWords), "");
}

TEST(Text, LowersLettersOfAsciiOnly) { EXPECT_EQ(to_lower("JPEG-2000 Ä"), "jpeg-2000 Ä"); }

}  // namespace
}  // namespace bw
