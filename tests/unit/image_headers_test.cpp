#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <string>

#include "image/headers/excess.hpp"
#include "image/headers/headers.hpp"
#include "image/headers/webp.hpp"

namespace bw::image {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

constexpr std::uint64_t kMaxPixels = 1000;

std::string excess(std::string_view bytes) {
    const auto format = format_of(bytes);
    if (!format) return "no picture";
    return excess_in_headers(bytes, *format, kMaxPixels).value_or("none");
}

std::string number(std::uint64_t value, unsigned size, bool big_endian = false) {
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += static_cast<char>(value >> 8 * (big_endian ? size - 1 - i : i));
    }
    return text;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct Entry {
    unsigned tag;
    unsigned type;  // 3: two bytes, 4: four
    std::uint64_t value;
};

std::string tiff_page(std::initializer_list<Entry> entries, std::uint64_t next, bool big_endian = false) {
    std::string page = number(entries.size(), 2, big_endian);
    for (const auto& [tag, type, value] : entries) {
        page += number(tag, 2, big_endian) + number(type, 2, big_endian) + number(1, 4, big_endian) +
                (type == 3 ? number(value, 2, big_endian) + "\0\0"s : number(value, 4, big_endian));
    }
    return page + number(next, 4, big_endian);
}

unsigned size_of_type(unsigned type) {
    constexpr unsigned kSizes[]{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return kSizes[type];
}

// A small value stands at the beginning of its eight bytes, in either order of bytes.
std::string big_tiff_page(std::initializer_list<Entry> entries, bool big_endian = false) {
    std::string page = number(entries.size(), 8, big_endian);
    for (const auto& [tag, type, value] : entries) {
        page += number(tag, 2, big_endian) + number(type, 2, big_endian) + number(1, 8, big_endian) +
                number(value, size_of_type(type), big_endian) + std::string(8 - size_of_type(type), '\0');
    }
    return page + number(0, 8, big_endian);
}

const std::string kTiff = "II*\0\x8\0\0\0"s;
const std::string kBigTiff = "II+\0\x8\0\0\0\x10\0\0\0\0\0\0\0"s;

TEST(ExcessOfTiff, TilesHaveAtMostThePixelsOfAPicture) {
    for (const unsigned type : {3U, 4U}) {
        EXPECT_EQ(excess(kTiff + tiff_page({{322, type, 25}, {323, type, 40}}, 0)), "none");
        EXPECT_THAT(excess(kTiff + tiff_page({{322, type, 25}, {323, type, 41}}, 0)),
                    HasSubstr("a tile of more than 1000 pixels, which is BW_MAX_PIXELS"));
    }
    EXPECT_THAT(excess(kTiff + tiff_page({{322, 4, 0xffffffff}, {323, 4, 0xffffffff}}, 0)),
                HasSubstr("a tile"));
    EXPECT_EQ(excess(kTiff + tiff_page({{322, 4, 0}, {323, 4, 0xffffffff}}, 0)), "none");
    EXPECT_THAT(excess("MM\0*\0\0\0\x8"s + tiff_page({{322, 3, 25}, {323, 3, 41}}, 0, true)),
                HasSubstr("a tile"));
    EXPECT_EQ(excess("MM\0*\0\0\0\x8"s + tiff_page({{322, 3, 25}, {323, 3, 40}}, 0, true)), "none");
    EXPECT_THAT(excess(kBigTiff + big_tiff_page({{322, 4, 25}, {323, 4, 41}})), HasSubstr("a tile"));
    EXPECT_EQ(excess(kBigTiff + big_tiff_page({{322, 4, 25}, {323, 4, 40}})), "none");
}

// libtiff takes the first of several entries of one tag.
TEST(ExcessOfTiff, TheGreatestOfAllEntriesOfATagCounts) {
    EXPECT_THAT(excess(kTiff + tiff_page({{322, 3, 25}, {322, 3, 16}, {323, 3, 41}, {323, 3, 16}}, 0)),
                HasSubstr("a tile"));
    EXPECT_THAT(excess(kTiff + tiff_page({{322, 3, 16}, {322, 3, 25}, {323, 3, 16}, {323, 3, 41}}, 0)),
                HasSubstr("a tile"));
    EXPECT_EQ(excess(kTiff + tiff_page({{322, 3, 25}, {322, 3, 16}, {323, 3, 40}, {323, 3, 16}}, 0)), "none");
}

// libtiff takes each of them: 1, 3, 4 and 16 have no sign, 6, 8, 9 and 17 have one.
TEST(ExcessOfTiff, TilesMayHaveSizesOfEveryTypeOfInteger) {
    const auto big_endian_header = "MM\0+\0\x8\0\0\0\0\0\0\0\0\0\x10"s;
    for (const unsigned type : {1U, 3U, 4U, 6U, 8U, 9U, 16U, 17U}) {
        for (const bool big_endian : {false, true}) {
            const auto& header = big_endian ? big_endian_header : kBigTiff;
            const auto of = [&](std::uint64_t length) {
                return excess(header + big_tiff_page({{322, type, 25}, {323, type, length}}, big_endian));
            };
            EXPECT_EQ(of(40), "none") << type << big_endian;
            EXPECT_THAT(of(41), HasSubstr("a tile")) << type << big_endian;
        }
    }
    EXPECT_THAT(excess(kBigTiff + big_tiff_page({{322, 16, 1ULL << 40U}, {323, 16, 1}})),
                HasSubstr("a tile"));
}

// Eight bytes do not fit into an entry of the classic format: there an offset stands in their place.
TEST(ExcessOfTiff, SizesMayStandBehindAnOffset) {
    const auto of = [](std::uint64_t length, bool big_endian) {
        const auto header = big_endian ? "MM\0*\0\0\0\x8"s : kTiff;
        const auto page = [&](std::uint64_t at) {
            return tiff_page({{322, 16, at}, {323, 17, at + 8}}, 0, big_endian);
        };
        const auto behind = header.size() + page(0).size();
        return excess(header + page(behind) + number(25, 8, big_endian) + number(length, 8, big_endian));
    };
    for (const bool big_endian : {false, true}) {
        EXPECT_EQ(of(40, big_endian), "none");
        EXPECT_THAT(of(41, big_endian), HasSubstr("a tile"));
    }
}

TEST(ExcessOfTiff, LaterPagesCountButNoThumbnails) {
    const auto small = [](std::uint64_t next) { return tiff_page({{256, 3, 1}}, next); };
    const std::string large = tiff_page({{322, 3, 25}, {323, 3, 41}}, 0);
    EXPECT_THAT(excess(kTiff + small(8 + small(0).size()) + large), HasSubstr("a tile"));
    constexpr unsigned kSubIfds = 330;
    const auto with_thumbnail = [](std::uint64_t at) { return tiff_page({{kSubIfds, 4, at}}, 0); };
    EXPECT_EQ(excess(kTiff + with_thumbnail(8 + with_thumbnail(0).size()) + large), "none");
}

TEST(ExcessOfTiff, DirectoriesThatDoNotFitSideBySide) {
    EXPECT_THAT(excess(kTiff + tiff_page({{256, 3, 1}}, 8)), HasSubstr("circles"));
    // Each begins four bytes behind the one before.
    constexpr std::size_t kLink = 2 + 0xff * 12;
    std::string file = kTiff + std::string(kLink + 400, '\0');
    for (std::size_t page = 8; page < 400; page += 4) {
        file.replace(page, 2, number(0xff, 2)).replace(page + kLink, 4, number(page + 4, 4));
    }
    EXPECT_THAT(excess(file), HasSubstr("overlap"));
}

constexpr char kPaletteOfTwo = '\x80';
const std::string kGif = "GIF89a\1\0\1\0"s + kPaletteOfTwo + "\0\0"s + "\0\0\0\xff\xff\xff"s;
const std::string kGifFrame = ",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"s;
const std::string kApplication =
    "!\xff\x0b"
    "ABCDEFGH123\1x\0"s;

TEST(ExcessOfGif, Applications) {
    EXPECT_EQ(excess(kGif + repeated(kApplication, 1000) + kGifFrame + ";"), "none");
    EXPECT_THAT(excess(kGif + repeated(kApplication, 1001)), HasSubstr("more than 1000 application blocks"));
    EXPECT_THAT(excess(kGif + repeated(kGifFrame + kApplication, 1001)), HasSubstr("application blocks"));
    EXPECT_EQ(excess(kGif + kGifFrame + ";" + repeated(kApplication, 1001)), "none");  // behind the end
}

// ImageMagick passes over bytes that begin no block.
TEST(ExcessOfGif, ApplicationsBehindBytesThatBeginNoBlock) {
    EXPECT_THAT(excess(kGif + "\0"s + repeated(kApplication, 1001)), HasSubstr("application blocks"));
    EXPECT_THAT(excess(kGif + kGifFrame + "junk" + repeated(kApplication, 1001)),
                HasSubstr("application blocks"));
    EXPECT_THAT(excess(kGif + repeated("x" + kApplication, 1001)), HasSubstr("application blocks"));
}

// ImageMagick reads a frame after an extension whose label is that of a frame.
TEST(ExcessOfGif, ApplicationsBehindAnExtensionThatIsAFrame) {
    const std::string hidden = "!,\0"s + kGifFrame.substr(1, 9) + "\2\2\x4c\1\0"s;
    EXPECT_THAT(excess(kGif + hidden + repeated(kApplication, 1001)), HasSubstr("application blocks"));
    const std::string palette = "!,\0\0\0\0\0\1\0\1\0\x80\0\0\0\xff\xff\xff\2\2\x4c\1\0"s;
    EXPECT_THAT(excess(kGif + repeated(palette + kApplication, 1001)), HasSubstr("application blocks"));
}

TEST(ExcessOfGif, FramesWithPalettesOfTheirOwn) {
    const std::string frame = ",\0\0\0\0\1\0\1\0\x80\0\0\0\xff\xff\xff\2\2\x4c\1\0"s;
    EXPECT_THAT(excess(kGif + repeated(frame + kApplication, 1001)), HasSubstr("application blocks"));
}

TEST(ExcessOfGif, Comments) {
    const auto comment = [](std::size_t sizes_of_16) {
        return kGif + "!\xfe" + repeated("\x10" + std::string(16, 'x'), sizes_of_16) + "\0"s + kGifFrame +
               ";";
    };
    EXPECT_EQ(excess(comment(1 << 16)), "none");
    EXPECT_THAT(excess(comment((1 << 16) + 1)), HasSubstr("more than 1048576 bytes of comments"));
}

const std::string kPng = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kMaxTexts = 256 << 10;

std::string chunk(const std::string& kind, const std::string& body) {
    return number(body.size(), 4, true) + kind + body + "crc!";
}

TEST(ExcessOfPng, CompressedTexts) {
    const auto of = [](const std::string& kind, const std::string& start, std::size_t size) {
        return kPng + chunk("IHDR", std::string(13, '\0')) +
               chunk(kind, start + std::string(size - start.size(), 'x'));
    };
    const std::string packed = "\0\1\0"s;
    const std::string plain = "\0\0\0"s;
    const std::string too_much = "more than 262144 bytes of compressed texts";
    EXPECT_EQ(excess(of("zTXt", "key\0\0"s, kMaxTexts)), "none");
    EXPECT_THAT(excess(of("zTXt", "key\0\0"s, kMaxTexts + 1)), HasSubstr(too_much));
    EXPECT_EQ(excess(of("iTXt", "key" + packed, kMaxTexts)), "none");
    EXPECT_THAT(excess(of("iTXt", "key" + packed, kMaxTexts + 1)), HasSubstr(too_much));
    EXPECT_EQ(excess(of("iTXt", "key" + plain, 2 * kMaxTexts)), "none");
    EXPECT_EQ(excess(of("tEXt", "key" + packed, 2 * kMaxTexts)), "none");
    EXPECT_THAT(excess(kPng + repeated(chunk("zTXt", std::string(1024, 'x')), 257)), HasSubstr(too_much));
}

TEST(ExcessOfPng, TextsWithoutAnEnd) {
    const std::string itxt = number(2 * kMaxTexts, 4, true) + "iTXt";
    EXPECT_EQ(excess(kPng + chunk("iTXt", "\1" + std::string(2 * kMaxTexts, 'x'))),
              "none");  // no NUL: no flag
    EXPECT_EQ(excess(kPng + itxt), "none");
    EXPECT_EQ(excess(kPng + itxt + "key\0"s), "none");
    EXPECT_EQ(excess(kPng + "\xff\xff\xff\xff" + "IDAT" + std::string(100, 'x')), "none");
    EXPECT_THAT(excess(kPng + "\xff\xff\xff\xff" + "zTXt" + std::string(100, 'x')), HasSubstr("compressed"));
}

TEST(ExcessOfPnm, Comments) {
    const auto of = [](std::size_t size) { return "P2 #" + std::string(size - 1, 'x') + "\n1 1 255 0\n"; };
    EXPECT_EQ(excess(of(1 << 16)), "none");
    EXPECT_THAT(excess(of((1 << 16) + 1)), HasSubstr("more than 65536 bytes of comments"));
    EXPECT_THAT(excess("P5 1#" + std::string(1 << 17, 'x')), HasSubstr("comments"));
}

// ImageMagick takes comments among pixels that are written in words, and needs a time that grows with the
// square of them.
TEST(ExcessOfPnm, CommentsAmongPixels) {
    for (const std::string header : {"P1 1 1\n", "P2 9 9 255\n", "P3 9 9 255\n"}) {
        EXPECT_EQ(excess(header + "1 # and 1\n1"), "none");
        EXPECT_THAT(excess(header + repeated("#\n", (1 << 16) + 1)), HasSubstr("comments"));
        EXPECT_THAT(excess(header + "1 1\n" + repeated("#\n1 ", (1 << 16) + 1)), HasSubstr("comments"));
    }
    EXPECT_EQ(excess("P5 512 256 255\n" + repeated("#", 1 << 17)), "none") << "these are pixels";
}

// A file may hold several pictures, each with a header.
TEST(ExcessOfPnm, CommentsInLaterHeaders) {
    const std::string comment = "#" + std::string(1 << 16, 'x') + "\n";
    for (const std::string first :
         {"P4 9 2\n1234", "P5 2 2 255\n1234", "P5 1 2 256\n1234", "P5 1 1 65536\n1234", "P6 1 1 255\n123",
          "P6 1 1 65535\n123456", "P1 1 1\n1\n"}) {
        EXPECT_THAT(excess(first + "P5 " + comment + "1 1 255\n1"), HasSubstr("comments")) << first;
        EXPECT_THAT(excess(first + "P7\n" + comment), HasSubstr("comments")) << first;
        EXPECT_EQ(excess(first + "P5 1 1 255\n1"), "none") << first;
    }
    for (const std::string end : {"\n", " ", "x", "#\n", "# 1\r"}) {
        EXPECT_THAT(excess("P5 2 2 255" + end + "1234P5" + comment), HasSubstr("comments")) << end;
    }
    EXPECT_EQ(excess("P5 2 2 255\n1234 " + comment), "none") << "no picture follows";
}

// A comment ends with the line, and a line may end with a carriage return alone.
TEST(ExcessOfPnm, CommentsThatEndWithACarriageReturn) {
    EXPECT_EQ(excess("P5 #x\r512 256 255 " + repeated("x", 1 << 17)), "none");
    EXPECT_THAT(excess("P5 " + repeated("#\r", (1 << 16) + 1) + "#\r1 1 255 x"), HasSubstr("comments"));
}

TEST(Excess, OfFilesThatEndAnywhere) {
    const std::string files[]{kTiff + tiff_page({{322, 3, 25}, {323, 3, 40}}, 0),
                              kBigTiff + big_tiff_page({{322, 4, 25}, {323, 4, 40}}),
                              kGif + kApplication + kGifFrame + ";",
                              kPng + chunk("zTXt", "key\0\0text"s) + chunk("iTXt", "key\0\1\0text"s),
                              "P6 # comment\n1 1\n255\nabc"};
    for (const auto& file : files) {
        for (std::size_t size = 1; size <= file.size(); ++size) {
            const auto said = excess(std::string(file, 0, size));
            EXPECT_TRUE(said == "none" || said == "no picture") << file.substr(0, 3) << " " << size;
        }
    }
}

TEST(Headers, ScansOfAJpegAreCountedAsLibjpegMeetsThem) {
    const std::string scan = "\xff\xda\0\x08......data\xff\0data\xff\xd0more"s;
    EXPECT_EQ(headers::count_jpeg_scans("\xff\xd8"s + scan + scan + "\xff\xd9"), 2U);
    EXPECT_EQ(headers::count_jpeg_scans("\xff\xd8\xff\xe1\0\x06\xff\xda.."s + scan + "\xff\xd9" + scan), 1U)
        << "neither in a thumbnail nor after the end";
    EXPECT_EQ(headers::count_jpeg_scans("\xff\xd8\xff\xff"s + scan), 1U) << "fill bytes";
    for (const std::string& cut : {""s, "\xff"s, "\xff\xda"s, "\xff\xda\xff"s, "\xff\xe1\xff\xff"s}) {
        EXPECT_EQ(headers::count_jpeg_scans(cut), 0U);
    }
}

TEST(Headers, FramesOfAnAnimatedWebp) {
    const std::string head = "RIFF....WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x07\0\0"s;
    const std::string frame = "ANMF\x03\0\0\0abc\0"s;
    const auto animation = headers::extent_of_webp_animation(head + "ANIM\0\0\0\0"s + frame + frame);
    ASSERT_TRUE(animation.has_value());
    EXPECT_EQ(animation->frames, 2U);
    EXPECT_EQ(animation->columns, 16U);
    EXPECT_EQ(animation->rows, 8U);
    EXPECT_EQ(headers::extent_of_webp_animation(head + "ANMF\xff\xff\xff\xff"s)->frames, 1U);
    EXPECT_FALSE(headers::extent_of_webp_animation(head.substr(0, 29)).has_value());
    EXPECT_FALSE(headers::extent_of_webp_animation("RIFF....WEBPVP8 "s + head.substr(16)).has_value())
        << "one picture";
}

}  // namespace
}  // namespace bw::image
