#include <Magick++.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

#include "bw/base/error.hpp"
#include "image/jpeg/huffman.hpp"
#include "image/jpeg/jpeg.hpp"

// The oracle is the linked ImageMagick: the same levels, and the same file.
namespace bw::image::jpeg {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;
using testing::HasSubstr;
using testing::StartsWith;

const Checkpoint kNever = [] {};
const fs::path kImages = BW_SOURCE_DIR "/testdata/images";

std::string content(const fs::path& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
}

using Segments = std::vector<std::pair<int, std::string>>;

// How to write a JPEG of made-up pixels.
struct Source {
    JDIMENSION columns = 70;
    JDIMENSION rows = 46;
    J_COLOR_SPACE stored = JCS_YCbCr;
    int quality = 80;
    std::array<int, 2> sampling{2, 2};  // of the first component
    bool progressive = false;
    bool arithmetic = false;
    bool optimised = false;
    unsigned restart = 0;
    bool jfif = true;
    std::array<int, 3> density{0, 1, 1};  // unit, x, y
    std::vector<unsigned> table{};        // of quantisation, for all components, scaled by the quality
    Segments segments{};
};

std::ostream& operator<<(std::ostream& out, const Source& s) {
    return out << s.columns << "x" << s.rows << " colours " << s.stored << " quality " << s.quality
               << " sampling " << s.sampling[0] << "x" << s.sampling[1] << " progressive " << s.progressive
               << " arithmetic " << s.arithmetic << " restart " << s.restart << " table " << s.table.size();
}

std::string make(const Source& source) {
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    unsigned char* memory = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &memory, &size);
    jpeg.image_width = source.columns;
    jpeg.image_height = source.rows;
    const bool grey = source.stored == JCS_GRAYSCALE;
    const bool cmyk = source.stored == JCS_CMYK;
    jpeg.input_components = grey ? 1 : cmyk ? 4 : 3;
    jpeg.in_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, source.stored);
    for (unsigned i = 0; !source.table.empty() && i < 2; ++i) {
        jpeg_add_quant_table(&jpeg, static_cast<int>(i), source.table.data(),
                             jpeg_quality_scaling(source.quality), TRUE);
    }
    if (source.table.empty()) jpeg_set_quality(&jpeg, source.quality, TRUE);
    jpeg.comp_info[0].h_samp_factor = source.sampling[0];
    jpeg.comp_info[0].v_samp_factor = source.sampling[1];
    if (source.progressive) jpeg_simple_progression(&jpeg);
    jpeg.arith_code = source.arithmetic ? TRUE : FALSE;
    jpeg.optimize_coding = source.optimised ? TRUE : FALSE;
    jpeg.restart_interval = source.restart;
    jpeg.write_JFIF_header = source.jfif ? TRUE : FALSE;
    jpeg.density_unit = static_cast<UINT8>(source.density[0]);
    jpeg.X_density = static_cast<UINT16>(source.density[1]);
    jpeg.Y_density = static_cast<UINT16>(source.density[2]);
    jpeg_start_compress(&jpeg, TRUE);
    for (const auto& [marker, bytes] : source.segments) {
        jpeg_write_marker(&jpeg, marker, reinterpret_cast<const JOCTET*>(bytes.data()),
                          static_cast<unsigned>(bytes.size()));
    }
    // Slopes with noise on them: all levels, and chroma that changes from pixel to pixel.
    std::minstd_rand random(source.columns * 1000 + source.rows);
    std::vector<JSAMPLE> row(std::size_t{source.columns} * static_cast<std::size_t>(jpeg.input_components));
    while (jpeg.next_scanline < source.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const auto slope = i * 200 / row.size() + jpeg.next_scanline * (i % 3);
            row[i] = static_cast<JSAMPLE>(slope + random() % 60);
        }
        JSAMPROW pixels = row.data();
        jpeg_write_scanlines(&jpeg, &pixels, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    std::string bytes(reinterpret_cast<const char*>(memory), size);
    std::free(memory);
    return bytes;
}

Magick::Image read_by_oracle(const std::string& bytes) {
    Magick::Image image;
    image.magick("JPEG");
    image.read(Magick::Blob(bytes.data(), bytes.size()));
    return image;
}

// The oracle's grey is the first step of its `-monochrome`.
std::vector<Level> grey_of_oracle(Magick::Image image) {
    image.colorSpace(Magick::GRAYColorspace);
    std::vector<Level> levels(image.columns() * image.rows());
    image.write(0, 0, image.columns(), image.rows(), "R", Magick::ShortPixel, levels.data());
    return levels;
}

// Makes an image black and white in a thousandth of the time that ImageMagick's `-monochrome` takes.
void cut(Magick::Image& image) {
    image.colorSpace(Magick::GRAYColorspace);
    image.threshold(32767.5);
}

class JpegTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        Magick::InitializeMagick(nullptr);
        Magick::ResourceLimits::thread(1);  // ThreadSanitizer does not see what OpenMP's threads wait for
    }

    template <typename Monochrome>
    static void expect_as_oracle(const std::string& bytes, Monochrome make_monochrome) {
        const auto header = read_header(bytes);
        EXPECT_TRUE(header.direct);
        const auto picture = decode(bytes, kNever);
        Magick::Image oracle = read_by_oracle(bytes);
        EXPECT_EQ(header.columns, oracle.columns());
        EXPECT_EQ(header.rows, oracle.rows());
        EXPECT_EQ(picture.grey.columns, oracle.columns());
        EXPECT_EQ(picture.grey.rows, oracle.rows());
        EXPECT_TRUE(picture.grey.levels == grey_of_oracle(oracle));
        EXPECT_EQ(picture.metadata.quality, oracle.quality() == 0 ? 92 : oracle.quality());

        make_monochrome(oracle);
        Magick::Blob written;
        oracle.magick("JPEG");
        oracle.write(&written);
        const GreyImage monochrome{oracle.columns(), oracle.rows(), grey_of_oracle(oracle)};
        const std::string ours = encode(monochrome, picture.metadata, kNever);
        const std::string_view theirs(static_cast<const char*>(written.data()), written.length());
        EXPECT_TRUE(ours == theirs) << ours.size() << " bytes, not " << theirs.size();
    }
};

std::vector<Source> many_sources() {
    std::vector<Source> sources;
    std::minstd_rand random(1);
    const auto up_to = [&random](unsigned most) { return static_cast<unsigned>(1 + random() % most); };
    for (const J_COLOR_SPACE stored : {JCS_YCbCr, JCS_GRAYSCALE, JCS_RGB}) {
        for (const std::array<int, 2> sampling : {std::array{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}}) {
            for (unsigned kind = 0; kind < 16; ++kind) {
                Source one;
                one.stored = stored;
                // The factors of a single component mean nothing, and the result does not have them.
                if (stored != JCS_GRAYSCALE) one.sampling = sampling;
                if (stored == JCS_GRAYSCALE) one.sampling = {1, 1};
                one.progressive = (kind & 1U) != 0;
                one.arithmetic = (kind & 2U) != 0;
                one.restart = (kind & 4U) != 0 ? up_to(5) : 0;
                one.optimised = (kind & 8U) != 0 && !one.arithmetic;
                one.quality = static_cast<int>(up_to(100));
                one.columns = kind == 0 ? 1 : up_to(70);
                one.rows = kind <= 1 ? 1 : up_to(70);
                sources.push_back(one);
            }
        }
    }
    return sources;
}

TEST_F(JpegTest, LevelsAndFilesAreThoseOfTheOracle) {
    for (const auto& source : many_sources()) {
        SCOPED_TRACE(testing::PrintToString(source));
        expect_as_oracle(make(source), cut);
    }
}

TEST_F(JpegTest, PicturesOfTestdataAreThoseOfTheOracle) {
    int count = 0;
    for (const auto& file : fs::directory_iterator(kImages)) {
        const std::string bytes = content(file.path());
        if (!bytes.starts_with("\xff\xd8\xff") || !read_header(bytes).direct) continue;
        SCOPED_TRACE(file.path());
        expect_as_oracle(bytes, [](Magick::Image& image) { image.type(Magick::BilevelType); });
        ++count;
    }
    EXPECT_GE(count, 5);
}

TEST_F(JpegTest, QualityIsThatOfTheOracle) {
    const std::vector<unsigned> flat(64, 16);
    std::vector<unsigned> steep(64);
    for (unsigned i = 0; i < steep.size(); ++i) steep[i] = 1 + 4 * i;
    for (const auto& table : {std::vector<unsigned>{}, flat, steep}) {
        for (const J_COLOR_SPACE stored : {JCS_YCbCr, JCS_GRAYSCALE}) {
            for (int quality = 1; quality <= 100; ++quality) {
                Source source;
                source.stored = stored;
                source.quality = quality;
                source.table = table;
                if (stored == JCS_GRAYSCALE) source.sampling = {1, 1};
                SCOPED_TRACE(testing::PrintToString(source));
                const std::string bytes = make(source);
                const auto expected = read_by_oracle(bytes).quality();
                EXPECT_EQ(decode(bytes, kNever).metadata.quality, expected == 0 ? 92 : expected);
            }
        }
    }
}

TEST_F(JpegTest, LargePicturesHaveThePixelsOfTheOracleAndHardlyMoreBytes) {
    for (const int quality : {1, 30, 85, 90, 91, 100}) {
        for (const auto& [columns, rows] :
             {std::pair{1000U, 700U}, {530U, 530U}, {2100U, 128U}, {128U, 2100U}}) {
            Source source;
            source.columns = columns;
            source.rows = rows;
            source.quality = quality;
            SCOPED_TRACE(testing::PrintToString(source));
            const std::string bytes = make(source);
            Magick::Image oracle = read_by_oracle(bytes);
            cut(oracle);
            const GreyImage monochrome{columns, rows, grey_of_oracle(oracle)};
            Magick::Blob written;
            oracle.magick("JPEG");
            oracle.write(&written);
            const std::string theirs(static_cast<const char*>(written.data()), written.length());
            const std::string ours = encode(monochrome, decode(bytes, kNever).metadata, kNever);
            EXPECT_TRUE(decode(ours, kNever).grey.levels == decode(theirs, kNever).grey.levels);
            // The 200 bytes are codes for symbols that do not occur.
            EXPECT_LT(ours.size(), theirs.size() + theirs.size() / 200 + 200);
        }
    }
}

// The sample is of one colour, and its codes are made for that. Symbols that the sample does not have need
// codes too.
TEST_F(JpegTest, LargePicturesMayHoldWhatTheirSampleDoesNot) {
    for (std::size_t band = 0; band < 64; ++band) {
        GreyImage image{1024, 512, std::vector<Level>(1024 * 512)};
        std::minstd_rand random(3);
        for (std::size_t i = 0; i < 1024 * 8; ++i) image.levels[band * 8 * 1024 + i] = random() % 2 * 65535U;
        Metadata metadata;
        metadata.quality = 100;
        auto levels = decode(encode(image, metadata, kNever), kNever).grey.levels;
        for (auto& level : levels)
            level = level > 32767 ? 65535 : 0;  // JPEG is not exact, but nearly so here
        EXPECT_TRUE(levels == image.levels) << band;
    }
}

TEST(CodeLengthsTest, AreHuffmansWithinTheLimit) {
    EXPECT_THAT(code_lengths({1, 1, 2, 4}, 16), testing::ElementsAre(3, 3, 2, 1));
    EXPECT_THAT(code_lengths({5, 0}, 16), testing::ElementsAre(1, 1));
    std::vector<long> fibonacci{0, 1};  // the deepest tree
    while (fibonacci.size() < 40) fibonacci.push_back(fibonacci.end()[-1] + fibonacci.end()[-2]);
    for (const int longest : {6, 8, 16}) {
        const auto lengths = code_lengths(fibonacci, longest);
        double used = 0;
        for (const int length : lengths) {
            used += std::ldexp(1.0, -length);
            EXPECT_LE(length, longest);
        }
        EXPECT_EQ(used, 1.0);
        EXPECT_EQ(lengths.front(), *std::max_element(lengths.begin(), lengths.end()));
        EXPECT_EQ(lengths.back(), *std::min_element(lengths.begin(), lengths.end()));
    }
}

TEST_F(JpegTest, DensityIsThatOfTheOracle) {
    for (const bool jfif : {true, false}) {
        for (const std::array<int, 3> density :
             {std::array{0, 1, 1}, {1, 300, 150}, {2, 118, 118}, {0, 4, 3}}) {
            Source source;
            source.jfif = jfif;
            source.density = density;
            expect_as_oracle(make(source), cut);
        }
    }
}

std::string profile(std::string_view colour_space, char part = 1) {
    return "ICC_PROFILE\0"s + part + '\2' + std::string(16, 'p') + std::string(colour_space) + "the rest";
}

TEST_F(JpegTest, KeepsWhatIsSaidAboutThePicture) {
    Source source;
    source.segments = {{JPEG_APP0 + 1, "Exif\0\0..."s},
                       {JPEG_APP0 + 1, "http://ns.adobe.com/xap/1.0/\0<x/>"s},
                       {JPEG_APP0 + 13, "Photoshop 3.0\0008BIM..."s},
                       {JPEG_COM, "a comment"},
                       {JPEG_COM, ""},
                       {JPEG_APP0 + 15, std::string(65533, 'x')}};
    const auto picture = decode(make(source), kNever);
    const std::string result = encode(picture.grey, picture.metadata, kNever);
    std::string expected;
    for (const auto& [marker, bytes] : source.segments) {
        const std::size_t length = bytes.size() + 2;
        expected += {'\xff', static_cast<char>(marker), static_cast<char>(length >> 8U),
                     static_cast<char>(length & 255U)};
        expected += bytes;
    }
    EXPECT_EQ(picture.metadata.segments, expected);
    EXPECT_TRUE(result.find(expected) == 20) << "right after the JFIF header";
    EXPECT_EQ(decode(result, kNever).metadata.segments, expected);
}

TEST_F(JpegTest, DropsWhatIsNotTrueOfAGreyPicture) {
    const auto kept = [](const Segments& segments, J_COLOR_SPACE stored) {
        Source source;
        source.stored = stored;
        if (stored == JCS_GRAYSCALE) source.sampling = {1, 1};
        source.segments = segments;
        return decode(make(source), kNever).metadata.segments;
    };
    // JCS_RGB is written with an Adobe segment.
    for (const J_COLOR_SPACE stored : {JCS_YCbCr, JCS_GRAYSCALE, JCS_RGB}) {
        EXPECT_EQ(kept({{JPEG_APP0 + 2, profile("RGB ")}, {JPEG_APP0 + 2, profile("more", 2)}}, stored), "");
        EXPECT_EQ(kept({{JPEG_APP0 + 2, profile("CMYK")}}, stored), "");
        EXPECT_EQ(kept({{JPEG_APP0 + 2, "ICC_PROFILE\0\1\1GR"s}, {JPEG_APP0 + 2, "MPF\0II*"s}}, stored), "");
        EXPECT_EQ(kept({{JPEG_APP0, "JFXX\0..."s}, {JPEG_APP0 + 14, "Adobe?"}}, stored), "");
        EXPECT_THAT(kept({{JPEG_APP0 + 2, profile("more", 2)}, {JPEG_APP0 + 2, profile("GRAY")}}, stored),
                    testing::AllOf(HasSubstr(profile("GRAY")), HasSubstr(profile("more", 2))));
    }
}

TEST_F(JpegTest, LeavesOtherColoursToImageMagick) {
    Source source;
    source.stored = JCS_CMYK;
    source.sampling = {1, 1};
    for (const std::string& bytes : {make(source), content(kImages / "cmyk.jpg")}) {
        EXPECT_FALSE(read_header(bytes).direct);
        EXPECT_THROW(decode(bytes, kNever), Error);
    }
}

// What decode() says about the bytes; empty if it takes them.
std::string refusal(const std::string& bytes) {
    try {
        decode(bytes, kNever);
        return "";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kImage);
        return e.what();
    }
}

TEST_F(JpegTest, RefusesEveryPartOfAFile) {
    Source baseline;
    baseline.columns = 24;
    baseline.rows = 24;
    Source progressive = baseline;
    progressive.progressive = true;
    Source arithmetic = baseline;
    arithmetic.arithmetic = true;
    for (const Source& source : {baseline, progressive, arithmetic}) {
        const std::string whole = make(source);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            EXPECT_NE(refusal(whole.substr(0, size)), "") << size << " bytes";
        }
        EXPECT_EQ(refusal(whole), "");
    }
    EXPECT_EQ(refusal(make(baseline).substr(0, 700)),
              "the JPEG image is damaged: Premature end of JPEG file");
    for (const auto& file : fs::directory_iterator(BW_SOURCE_DIR "/testdata/damaged")) {
        EXPECT_NE(refusal(content(file.path())), "") << file.path();
    }
}

TEST_F(JpegTest, RefusesDamageInside) {
    Source source;
    source.restart = 2;
    const std::string whole = make(source);
    const auto scan = whole.find("\xff\xda");

    std::string short_scan = whole;
    short_scan.erase(short_scan.size() * 2 / 3, whole.size() / 4);
    EXPECT_THAT(refusal(short_scan), StartsWith("the JPEG image is damaged: Corrupt JPEG data: "));

    std::string no_restart = whole;
    no_restart.erase(no_restart.find("\xff\xd3", scan), 2);
    EXPECT_NE(refusal(no_restart), "");

    std::string bad_codes = whole;
    for (int i = 0; i < 60; ++i)
        bad_codes.replace(scan + 100 + 2 * static_cast<std::size_t>(i), 2, "\xff\0"s);
    EXPECT_THAT(refusal(bad_codes), HasSubstr("bad Huffman code"));

    Source progressive;
    progressive.progressive = true;
    std::string twice = make(progressive);
    const auto last = twice.rfind("\xff\xda");
    twice.insert(twice.size() - 2, twice.substr(last, twice.size() - 2 - last));
    EXPECT_THAT(refusal(twice), HasSubstr("Inconsistent progression"));
}

TEST_F(JpegTest, TakesWhatCostsNoPixel) {
    Source source;
    source.stored = JCS_RGB;  // Adobe segment and no JFIF
    source.sampling = {1, 1};
    const std::string adobe = make(source);
    const std::string jfif = make(Source{});
    const auto levels = [](const std::string& bytes) { return decode(bytes, kNever).grey.levels; };

    std::string padded = jfif;
    padded.insert(20, "\x01\x02\x03");
    padded.insert(padded.size() - 2, "\x01\x02\x03");
    EXPECT_TRUE(levels(padded) == levels(jfif));

    std::string revision = jfif;
    revision.at(revision.find("JFIF") + 5) = 3;
    EXPECT_TRUE(levels(revision) == levels(jfif));

    std::string scan_parameters = jfif;
    scan_parameters.at(jfif.find("\xff\xda") + 4 + 1 + 3 * 2 + 1) = 0;  // "the last coefficient is number 0"
    EXPECT_TRUE(levels(scan_parameters) == levels(jfif));

    std::string transform = jfif;
    std::string unknown = "\xff\xee\0\16Adobe\0\144\0\0\0\0\7"s;
    transform.insert(20, unknown);
    transform.erase(2, 18);  // the JFIF header, which would decide
    EXPECT_TRUE(levels(transform) == levels(jfif));
    EXPECT_EQ(refusal(adobe), "");
}

TEST_F(JpegTest, AMillionSegmentsAreNoBurden) {
    std::string bytes = make(Source{});
    std::string comments;
    for (int i = 0; i < 1'000'000; ++i) comments += "\xff\xfe\0\2"s;
    bytes.insert(20, comments);
    EXPECT_TRUE(decode(bytes, kNever).metadata.segments == comments);
}

TEST_F(JpegTest, WhatTheCheckpointThrowsGoesThrough) {
    Source source;
    source.progressive = true;
    const std::string bytes = make(source);
    const auto picture = decode(bytes, kNever);
    const auto calls_of = [](const auto& work) {
        for (int last = 1;; ++last) {
            int calls = 0;
            try {
                work([&calls, last] {
                    if (++calls == last) throw std::domain_error("enough");
                });
                return calls;
            } catch (const std::domain_error&) {
                EXPECT_EQ(calls, last);
            }
        }
    };
    EXPECT_GT(calls_of([&](const Checkpoint& checkpoint) { decode(bytes, checkpoint); }), 20);
    EXPECT_GT(
        calls_of([&](const Checkpoint& checkpoint) { encode(picture.grey, picture.metadata, checkpoint); }),
        20);
}

TEST_F(JpegTest, NoiseIsRefusedOrDecodedAndNothingElse) {
    std::minstd_rand random(2);
    Source source;
    source.restart = 3;
    source.segments = {{JPEG_APP0 + 2, profile("GRAY")}};
    for (const bool progressive : {false, true}) {
        source.progressive = progressive;
        const std::string whole = make(source);
        int refused = 0;
        for (int i = 0; i < 1000; ++i) {
            std::string noisy = whole;
            for (int k = 0; k < 3; ++k) noisy[random() % noisy.size()] = static_cast<char>(random());
            // A change in the header can ask for a large picture, as read_header() tells.
            try {
                const auto header = read_header(noisy);
                if (header.columns * header.rows < 1'000'000) decode(noisy, kNever);
            } catch (const Error& e) {
                EXPECT_EQ(e.kind(), ErrorKind::kImage);
                ++refused;
            }
        }
        EXPECT_GT(refused, 100);
    }
}

}  // namespace
}  // namespace bw::image::jpeg
