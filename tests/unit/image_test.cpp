#include "bw/image.hpp"

#include <Magick++.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bw/base/clock.hpp"
#include "bw/base/error.hpp"
#include "image/magick/damage.hpp"

// Whether the pixels are right is shown end to end, against the real `convert`.
namespace bw {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;
using testing::StartsWith;

const fs::path kTestdata = BW_SOURCE_DIR "/testdata";

std::string content(const fs::path& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
}

const ImageSettings kDefaults{.dither = Dither::kRiemersma,
                              .formats = {"jpeg", "png", "gif", "tiff", "webp", "bmp", "pnm"},
                              .max_pixels = 50'000'000,
                              .max_frames = 1000,
                              .max_memory_bytes = std::uint64_t{1} << 30};

std::string convert(std::string_view bytes, std::string_view extension,
                    const ImageSettings& settings = kDefaults) {
    return to_monochrome(bytes, extension, settings, {}).bytes;
}

std::string refusal(std::string_view bytes, const ImageSettings& settings = kDefaults) {
    try {
        convert(bytes, "", settings);
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kImage);
        return e.what();
    }
    return "nothing was refused";
}

class ImageTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { start_images(kDefaults); }
};

TEST_F(ImageTest, ExtensionNamesTheFormatOfTheResult) {
    const std::string jpeg = content(kTestdata / "images/small.jpg");
    EXPECT_THAT(convert(jpeg, ".jpeg"), StartsWith("\xff\xd8\xff"));
    EXPECT_THAT(convert(jpeg, ".PNG"), StartsWith("\x89PNG"));
    EXPECT_THAT(convert(jpeg, ".gif"), StartsWith("GIF8"));
    EXPECT_THAT(convert(jpeg, ".Tif"), StartsWith("II"));
    EXPECT_THAT(convert(jpeg, ".webp"), StartsWith("RIFF"));
    EXPECT_THAT(convert(jpeg, ".bmp"), StartsWith("BM"));
    EXPECT_THAT(convert(jpeg, ".pbm"), StartsWith("P4"));
    EXPECT_THAT(convert(jpeg, ".pgm"), StartsWith("P5"));
    EXPECT_THAT(convert(jpeg, ".ppm"), StartsWith("P6"));
}

TEST_F(ImageTest, RarerExtensionsNameFormatsToo) {
    const std::string gif = content(kTestdata / "images/animation.gif");
    for (const char* extension : {".jpe", ".jfif", ".JFI", ".jif", ".pjpeg", ".pjp"})
        EXPECT_THAT(convert(gif, extension), StartsWith("\xff\xd8\xff")) << extension;
    for (const char* extension : {".dib", ".DIB"}) EXPECT_THAT(convert(gif, extension), StartsWith("BM"));
    for (const char* extension : {".tf8", ".btf"})
        EXPECT_THAT(convert(gif, extension), StartsWith(std::string("II+\0", 4))) << extension;
}

TEST_F(ImageTest, FormatsMayBeCalledByAnExtension) {
    ImageSettings settings = kDefaults;
    settings.formats = {"JPG", "tif", "pgm", "Png"};
    start_images(settings);
    const std::string jpeg = content(kTestdata / "images/small.jpg");
    EXPECT_THAT(convert(jpeg, ".tiff", settings), StartsWith("II"));
    EXPECT_THAT(convert(jpeg, ".ppm", settings), StartsWith("P6"));
    EXPECT_THAT(convert(jpeg, ".png", settings), StartsWith("\x89PNG"));
    EXPECT_THAT(convert(jpeg, ".gif", settings), StartsWith("\xff\xd8\xff"));
    start_images(kDefaults);
}

TEST_F(ImageTest, WhereTheExtensionNamesNoneTheSourcesFormatStays) {
    for (const char* extension : {"", ".bak", ".msl", ".pdf"}) {
        EXPECT_THAT(convert(content(kTestdata / "images/small.jpg"), extension), StartsWith("\xff\xd8\xff"));
    }
    EXPECT_THAT(convert(content(kTestdata / "images/alpha.png"), ""), StartsWith("\x89PNG"));
}

TEST_F(ImageTest, FormatOfOneFrameTakesTheFirst) {
    EXPECT_THAT(convert(content(kTestdata / "images/animation.gif"), ".png"), StartsWith("\x89PNG"));
    EXPECT_THAT(convert(content(kTestdata / "images/animation.gif"), ".jpg"), StartsWith("\xff\xd8\xff"));
}

TEST_F(ImageTest, RefusesFramesWithoutPixels) {
    const auto found = BW_SOURCE_DIR "/tests/fuzz/seeds/image/animation-without-pixels.webp";
    EXPECT_NE(refusal(content(found)), "nothing was refused");
}

// Gives the first page a tag that says where the EXIF directory is.
std::string with_exif_pointer(std::string tiff, std::uint32_t to) {
    const auto number = [&tiff](std::size_t at, int bytes) {
        std::uint32_t value = 0;
        while (bytes-- > 0)
            value = value << 8 | static_cast<unsigned char>(tiff[at + static_cast<std::size_t>(bytes)]);
        return value;
    };
    const auto bytes_of = [](std::uint32_t value) {
        std::string text;
        for (unsigned i = 0; i < 4; ++i) text += static_cast<char>(value >> 8 * i);
        return text;
    };
    const auto directory = number(4, 4);
    const auto entries = number(directory, 2);
    const std::string exif = std::string("\x69\x87\4\0\1\0\0\0", 8) + bytes_of(to);
    if (tiff.size() % 2 == 1) tiff += '\0';
    const auto anew = static_cast<std::uint32_t>(tiff.size());
    tiff += static_cast<char>(entries + 1);
    tiff += '\0';
    tiff += tiff.substr(directory + 2, entries * 12) + exif + tiff.substr(directory + 2 + entries * 12, 4);
    return tiff.replace(4, 4, bytes_of(anew));
}

// ImageMagick 7 would leave the page white, so there the picture is refused.
TEST_F(ImageTest, MetadataThatCannotBeReadCostNoPixel) {
    const std::string tiff = content(kTestdata / "images/pages.tif");
    const std::string expected = convert(tiff, ".pbm");
    for (const std::uint32_t to :
         {0x7fffffffU, 0xfffffff0U, 2U, static_cast<std::uint32_t>(tiff.size() - 1)}) {
        const std::string odd = with_exif_pointer(tiff, to);
        if constexpr (MagickLibVersion < 0x700) {
            EXPECT_EQ(convert(odd, ".pbm"), expected) << to;
        } else {
            EXPECT_NE(refusal(odd), "nothing was refused") << to;
        }
    }
}

// Here the same words of libtiff are about pages.
TEST_F(ImageTest, PagesThatCannotBeReadAreDamage) {
    std::string tiff = content(kTestdata / "images/pages.tif");
    const std::string first = with_exif_pointer(tiff, 0x7fffffff);
    EXPECT_NE(refusal(first.substr(0, first.size() - 20)), "nothing was refused");
    const auto directory = static_cast<unsigned char>(tiff[4]) + 256U * static_cast<unsigned char>(tiff[5]) +
                           65536U * static_cast<unsigned char>(tiff[6]);
    const auto next = directory + 2 + 12 * static_cast<unsigned char>(tiff[directory]);
    EXPECT_NE(refusal(tiff.replace(next, 4, std::string("\2\0\0\0", 4))), "nothing was refused");
}

// ImageMagick's ping passes over all of a frame's data, and its decoder stops in them where the frame is
// full.
TEST_F(ImageTest, FramesHiddenInAFrameAreCountedNoFurtherThanTheFirst) {
    const std::string frame = ",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"s;
    std::string part(1, '\xff');
    for (int i = 0; i < 17; ++i) part += frame;
    std::string gif = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"s + frame.substr(0, frame.size() - 1);
    for (int i = 0; i < 20; ++i) gif += part;
    EXPECT_EQ(refusal(gif + "\0;"s), "the image holds 1 frames, and more can be decoded");
}

TEST_F(ImageTest, ResultsForNetpbmHaveAtMost16Bits) {
    const std::string deep = "P2 2 1 4294967295 0 4294967295 "s;
    EXPECT_THAT(convert(deep, ".pgm"), StartsWith("P5\n2 1\n65535\n"));
    EXPECT_THAT(convert(deep, ".ppm"), StartsWith("P6\n2 1\n65535\n"));
}

TEST_F(ImageTest, RefusesDirectoriesThatGoInCircles) {
    const auto found = BW_SOURCE_DIR "/tests/fuzz/seeds/image/directories-in-circles.tif";
    EXPECT_THAT(refusal(content(found)), testing::HasSubstr("go in circles"));
}

TEST_F(ImageTest, TakesWhatDecodersOnlyWarnAbout) {
    const std::string jpeg = content(kTestdata / "images/small.jpg");
    std::string with_junk = jpeg;  // "extraneous bytes before marker", after the first segment
    const auto segment =
        2 + 2 + static_cast<unsigned char>(jpeg[4]) * 256U + static_cast<unsigned char>(jpeg[5]);
    with_junk.insert(segment, "\x01\x02\x03\x04");
    EXPECT_EQ(convert(with_junk, ".jpg"), convert(jpeg, ".jpg"));
}

ImageSettings with(std::uint64_t ImageSettings::*limit, std::uint64_t value) {
    ImageSettings settings = kDefaults;
    settings.*limit = value;
    return settings;
}

TEST_F(ImageTest, RefusesMorePixelsThanTheLimitOverAllFrames) {
    const std::string gif = content(kTestdata / "images/pages.tif");  // 120 x 80, 64 x 96, 50 x 50
    constexpr std::uint64_t kPixels = 120 * 80 + 64 * 96 + 50 * 50;
    EXPECT_NE(convert(gif, "", with(&ImageSettings::max_pixels, kPixels)), "");
    EXPECT_EQ(
        refusal(gif, with(&ImageSettings::max_pixels, kPixels - 1)),
        "the image has more than 18243 pixels, which is BW_MAX_PIXELS: 3 frames, the first of 120 x 80");
}

TEST_F(ImageTest, RefusesMoreFramesThanTheLimit) {
    const std::string gif = content(kTestdata / "images/animation.gif");
    EXPECT_NE(convert(gif, "", with(&ImageSettings::max_frames, 6)), "");
    EXPECT_EQ(refusal(gif, with(&ImageSettings::max_frames, 5)),
              "the image has more than 5 frames, which is BW_MAX_FRAMES");
}

TEST_F(ImageTest, RefusesWhatDoesNotFitIntoTheMemoryAndWritesNoFile) {
    const std::string png = content(kTestdata / "images/alpha.png");
    EXPECT_THAT(refusal(png, with(&ImageSettings::max_memory_bytes, 1 << 16)),
                StartsWith("the image does not fit into BW_MAX_MEMORY (65536 bytes)"));
    EXPECT_NE(convert(png, ".png"), "");
}

// Each of the stages may be the one that gets no more memory.
TEST_F(ImageTest, RunsOutOfMemoryInGoodOrder) {
    const std::string png = content(kTestdata / "images/alpha.png");
    for (std::uint64_t kibibytes = 16; kibibytes <= 512; kibibytes += 16) {
        EXPECT_THAT(
            refusal(png, with(&ImageSettings::max_memory_bytes, kibibytes << 10)),
            testing::AnyOf(StartsWith("the image does not fit into BW_MAX_MEMORY"), "nothing was refused"))
            << kibibytes;
    }
}

TEST_F(ImageTest, SizesWhoseSumOverflowsAreTooMany) {
    std::string tiff = content(kTestdata / "images/pages.tif");
    const auto directory = static_cast<unsigned char>(tiff[4]) + 256U * static_cast<unsigned char>(tiff[5]) +
                           65536U * static_cast<unsigned char>(tiff[6]);
    for (std::size_t entry = directory + 2; entry < directory + 26; entry += 12) {  // width, height
        tiff.replace(entry, 12, std::string{tiff[entry], 1, 4, 0, 1, 0, 0, 0, -1, -1, -1, 127});
    }
    EXPECT_THAT(refusal(tiff), StartsWith("the image has more than 50000000 pixels"));
}

TEST_F(ImageTest, RefusesAJpegThatTakesTooMuchMemory) {
    // 70 x 46 levels of two bytes are 6440.
    EXPECT_EQ(refusal(content(kTestdata / "images/small.jpg"), with(&ImageSettings::max_memory_bytes, 6000)),
              "the image takes 6440 bytes to decode, more than BW_MAX_MEMORY (6000 bytes)");
}

TEST_F(ImageTest, DecodesNothingThatTheFormatsDoNotName) {
    ImageSettings settings = kDefaults;
    settings.formats = {"png", "gif"};
    EXPECT_EQ(refusal(content(kTestdata / "images/small.jpg"), settings),
              "the image is a jpeg, none of BW_FORMATS (png, gif)");
    EXPECT_THAT(convert(content(kTestdata / "images/alpha.png"), ".jpg", settings), StartsWith("\x89PNG"));
}

TEST_F(ImageTest, AStartWithoutRoomForTemporaryFilesLeavesNone) {
    const auto start = [] {
        std::string folder = fs::temp_directory_path() / "bw-test-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) ::_exit(1);
        ::setenv("TMPDIR", folder.c_str(), 1);
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit no_room{10, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &no_room);
        std::string said;
        try {
            start_images(kDefaults);
        } catch (const Error& e) {
            said = e.what();
        }
        no_room.rlim_cur = RLIM_INFINITY;
        ::setrlimit(RLIMIT_FSIZE, &no_room);
        const bool left = !fs::is_empty(folder);
        fs::remove_all(folder);
        std::cerr << (left ? "a folder is left; " : "nothing is left; ") << said << std::endl;
        ::_exit(0);
    };
    EXPECT_EXIT(start(), testing::ExitedWithCode(0),
                "nothing is left; the folder for temporary files takes no file");
}

TEST_F(ImageTest, StartsWithNoFormatThatCannotBeDecoded) {
    ImageSettings settings = kDefaults;
    settings.formats = {"png", "pdf"};
    try {
        start_images(settings);
        ADD_FAILURE() << "it started";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kConfiguration);
        EXPECT_THAT(e.what(),
                    StartsWith("invalid BW_FORMATS \"png, pdf\" (format: some of jpeg, png, gif, tiff, "
                               "webp, bmp, pnm"));
    }
}

// The numbers are what identify says: 70x46; six frames with 10,507 pixels together, the first of 90x64.
TEST_F(ImageTest, CountsThePixelsOfAllFrames) {
    const auto pixels = [](const char* image, const char* extension) {
        const auto result = to_monochrome(content(kTestdata / image), extension, kDefaults, {});
        return std::pair(result.input_pixels, result.output_pixels);
    };
    EXPECT_EQ(pixels("images/small.jpg", ".jpg"), std::pair(3220UL, 3220UL));
    EXPECT_EQ(pixels("images/small.jpg", ".png"), std::pair(3220UL, 3220UL));
    EXPECT_EQ(pixels("images/animation.gif", ".gif"), std::pair(10'507UL, 10'507UL));
    EXPECT_EQ(pixels("images/animation.gif", ".png"), std::pair(10'507UL, 5760UL));
}

// A busy machine may let the process wait between the last stage and the test's own clock: then the best of
// ten counts.
TEST_F(ImageTest, TheStagesTakeAllOfTheTime) {
    const std::string source = content(kTestdata / "images/landscape.jpg");
    for (const char* extension : {".jpg", ".png"}) {
        double best = 0;
        for (int i = 0; i < 10 && best < 0.9; ++i) {
            Stopwatch stopwatch;
            const auto result = to_monochrome(source, extension, kDefaults, {});
            const auto whole = stopwatch.lap();
            for (const auto stage : {result.decode, result.monochrome, result.encode})
                EXPECT_GT(stage, whole / 100) << extension;
            const auto stages = result.decode + result.monochrome + result.encode;
            EXPECT_LE(stages, whole) << extension;
            best = std::max(best, static_cast<double>(stages.count()) / static_cast<double>(whole.count()));
        }
        EXPECT_GE(best, 0.9) << extension;
    }
}

TEST_F(ImageTest, AStopEndsIt) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(to_monochrome(content(kTestdata / "images/landscape.jpg"), "", kDefaults, stop.get_token()),
                 Error);
}

// Every row of the table in docs/formats.md is true, and every file has a row.
TEST_F(ImageTest, ConvertsAndRefusesWhatTheDocsSay) {
    const std::string docs = content(BW_SOURCE_DIR "/docs/formats.md");
    for (const char* folder : {"damaged", "odd"}) {
        for (const auto& file : fs::directory_iterator(kTestdata / folder)) {
            const std::string row = "| `" + (folder / file.path().filename()).string() + "` | ";
            const auto at = docs.find(row);
            ASSERT_NE(at, docs.npos) << "docs/formats.md has no row for " << file.path();
            const auto verdict = docs.find(" | ", at + row.size()) + 3;
            const bool refused = !refusal(content(file.path())).starts_with("nothing");
            EXPECT_EQ(docs.substr(verdict, docs.find(" |", verdict) - verdict),
                      refused ? "refuses" : "converts")
                << file.path();
        }
    }
}

TEST(Damage, IsWhatLosesPixels) {
    for (const char* warning :
         {"Premature end of JPEG file", "Corrupt JPEG data: premature end of data segment",
          "Corrupt JPEG data: bad Huffman code", "Corrupt JPEG data: found marker 0xd3 instead of RST1",
          "Inconsistent progression sequence for component 0 coefficient 1", "IEND: CRC error"}) {
        EXPECT_TRUE(image::magick::is_damage(warning)) << warning;
    }
    for (const char* warning :
         {"Corrupt JPEG data: 4 extraneous bytes before marker 0xdb", "Corrupt JPEG data: bad ICC marker",
          "Warning: unknown JFIF revision number 3.01", "Unknown Adobe color transform code 3",
          "tEXt: CRC error", "gAMA: duplicate", "Unknown field with tag 65001 (0xfde9) encountered."}) {
        EXPECT_FALSE(image::magick::is_damage(warning)) << warning;
    }
}

TEST_F(ImageTest, OpensNothingButItsFormats) {
    // Each of these starts another decoder in ImageMagick, some of which start programs or read other files.
    for (const char* bytes :
         {"%PDF-1.4\n", "%!PS-Adobe-3.0\n", "<svg xmlns='http://www.w3.org/2000/svg'/>",
          "push graphic-context\n", "<?xml version='1.0'?><image><read filename='/etc/passwd'/>",
          "P7\nWIDTH 1\n", "\x8aMNG\r\n\x1a\n"}) {
        EXPECT_THROW(convert(bytes, ".png"), Error) << bytes;
    }
}

TEST_F(ImageTest, AFailureLeavesNoTraceInTheNextImage) {
    const std::string good = content(kTestdata / "images/small.jpg");
    const std::string before = convert(good, ".jpg");
    EXPECT_THROW(convert(content(kTestdata / "damaged/truncated.png"), ".png"), Error);
    EXPECT_EQ(convert(good, ".jpg"), before);
}

}  // namespace
}  // namespace bw
