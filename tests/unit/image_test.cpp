#include "bw/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bw/error.hpp"

// Whether the pixels are right is shown end to end, against the real `convert`.
namespace bw {
namespace {

namespace fs = std::filesystem;
using testing::StartsWith;

const fs::path kTestdata = BW_SOURCE_DIR "/testdata";

std::string content(const fs::path& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
}

class ImageTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { start_images(); }
};

TEST_F(ImageTest, ExtensionNamesTheFormatOfTheResult) {
    const std::string jpeg = content(kTestdata / "images/small.jpg");
    EXPECT_THAT(to_monochrome(jpeg, ".jpeg"), StartsWith("\xff\xd8\xff"));
    EXPECT_THAT(to_monochrome(jpeg, ".PNG"), StartsWith("\x89PNG"));
    EXPECT_THAT(to_monochrome(jpeg, ".gif"), StartsWith("GIF8"));
    EXPECT_THAT(to_monochrome(jpeg, ".Tif"), StartsWith("II"));
    EXPECT_THAT(to_monochrome(jpeg, ".webp"), StartsWith("RIFF"));
    EXPECT_THAT(to_monochrome(jpeg, ".bmp"), StartsWith("BM"));
    EXPECT_THAT(to_monochrome(jpeg, ".pbm"), StartsWith("P4"));
    EXPECT_THAT(to_monochrome(jpeg, ".pgm"), StartsWith("P5"));
    EXPECT_THAT(to_monochrome(jpeg, ".ppm"), StartsWith("P6"));
}

TEST_F(ImageTest, WhereTheExtensionNamesNoneTheSourcesFormatStays) {
    for (const char* extension : {"", ".bak", ".msl", ".pdf"}) {
        EXPECT_THAT(to_monochrome(content(kTestdata / "images/small.jpg"), extension),
                    StartsWith("\xff\xd8\xff"));
    }
    EXPECT_THAT(to_monochrome(content(kTestdata / "images/alpha.png"), ""), StartsWith("\x89PNG"));
}

TEST_F(ImageTest, FormatOfOneFrameTakesTheFirst) {
    EXPECT_THAT(to_monochrome(content(kTestdata / "images/animation.gif"), ".png"), StartsWith("\x89PNG"));
    EXPECT_THAT(to_monochrome(content(kTestdata / "images/animation.gif"), ".jpg"),
                StartsWith("\xff\xd8\xff"));
}

TEST_F(ImageTest, TakesWhatDecodersOnlyWarnAbout) {
    const std::string jpeg = content(kTestdata / "images/small.jpg");
    std::string with_junk = jpeg;  // "extraneous bytes before marker", after the first segment
    const auto segment =
        2 + 2 + static_cast<unsigned char>(jpeg[4]) * 256U + static_cast<unsigned char>(jpeg[5]);
    with_junk.insert(segment, "\x01\x02\x03\x04");
    EXPECT_EQ(to_monochrome(with_junk, ".jpg"), to_monochrome(jpeg, ".jpg"));

    // A cut one too, as `convert` does.
    EXPECT_THAT(to_monochrome(jpeg.substr(0, jpeg.size() * 2 / 3), ".jpg"), StartsWith("\xff\xd8\xff"));
}

TEST_F(ImageTest, RefusesDamage) {
    for (const auto& file : fs::directory_iterator(kTestdata / "damaged")) {
        const std::string bytes = content(file.path());
        try {
            to_monochrome(bytes, file.path().extension().string());
            ADD_FAILURE() << file.path() << " was converted";
        } catch (const Error& e) {
            EXPECT_EQ(e.kind(), ErrorKind::kImage) << file.path();
        }
    }
}

TEST_F(ImageTest, OpensNothingButItsFormats) {
    // Each of these starts another decoder in ImageMagick, some of which start programs or read other files.
    for (const char* bytes :
         {"%PDF-1.4\n", "%!PS-Adobe-3.0\n", "<svg xmlns='http://www.w3.org/2000/svg'/>",
          "push graphic-context\n", "<?xml version='1.0'?><image><read filename='/etc/passwd'/>",
          "P7\nWIDTH 1\n", "\x8aMNG\r\n\x1a\n"}) {
        EXPECT_THROW(to_monochrome(bytes, ".png"), Error) << bytes;
    }
}

TEST_F(ImageTest, AFailureLeavesNoTraceInTheNextImage) {
    const std::string good = content(kTestdata / "images/small.jpg");
    const std::string before = to_monochrome(good, ".jpg");
    EXPECT_THROW(to_monochrome(content(kTestdata / "damaged/truncated.png"), ".png"), Error);
    EXPECT_EQ(to_monochrome(good, ".jpg"), before);
}

}  // namespace
}  // namespace bw
