#include "bw/dither.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "oracle/pictures.hpp"
#include "reference/monochrome.hpp"

namespace bw {
namespace {

using Paint = std::function<Level(std::size_t column, std::size_t row)>;

GreyImage image_of(std::size_t columns, std::size_t rows, const Paint& paint) {
    GreyImage image{columns, rows, {}, {}};
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) image.levels.push_back(paint(column, row));
    }
    return image;
}

Paint constant(Level level) {
    return [level](std::size_t, std::size_t) { return level; };
}

void expect_same_as_reference(const GreyImage& image, const std::string& what) {
    for (const Dither dither : {Dither::kRiemersma, Dither::kNone, Dither::kFloydSteinberg}) {
        GreyImage expected = image;
        reference::make_monochrome(expected, dither);
        GreyImage result = image;
        make_monochrome(result, dither);
        EXPECT_EQ(result.columns, image.columns);
        EXPECT_EQ(result.rows, image.rows);
        EXPECT_TRUE(result.levels == expected.levels) << what << ", dither " << static_cast<int>(dither);
    }
}

TEST(Monochrome, IsTheReferencesOnMadeUpPictures) {
    for (std::uint64_t number = 0; number < 400; ++number) {
        const auto picture = oracle::make_picture(7, number);
        const GreyImage image = oracle::grey_image(picture, reference::grey_level);
        EXPECT_EQ(oracle::grey_image(picture, grey_level).levels, image.levels) << picture.recipe;
        expect_same_as_reference(image, picture.recipe);
    }
}

TEST(Monochrome, IsTheReferencesOnPicturesMeasuredByLuminance) {
    for (std::uint64_t number = 0; number < 400; ++number) {
        auto picture = oracle::make_picture(9, number);
        picture.intensity = Intensity::kLuminance;
        expect_same_as_reference(oracle::grey_image(picture, grey_level), picture.recipe);
    }
}

// The made-up pictures are at most 300 wide; here they are tiles of larger ones.
TEST(Monochrome, IsTheReferencesOnLargePictures) {
    for (const auto& [columns, rows] :
         {std::pair(2048, 3), std::pair(5, 1025), std::pair(1023, 700), std::pair(640, 1024)}) {
        const auto picture = oracle::make_picture(8, static_cast<std::uint64_t>(columns));
        const GreyImage tile = oracle::grey_image(picture, reference::grey_level);
        const auto image =
            image_of(static_cast<std::size_t>(columns), static_cast<std::size_t>(rows),
                     [&](std::size_t column, std::size_t row) {
                         return static_cast<Level>(
                             tile.levels[row % tile.rows * tile.columns + column % tile.columns] / 2 +
                             16 * column + row);
                     });
        expect_same_as_reference(image, picture.recipe);
    }
}

// The kernel works in chunks of 1024 pixels and looks 16 pixels ahead. With these sizes the last chunk is as
// long as it can be, or just too short to be one.
TEST(Monochrome, IsTheReferencesWhereAChunkEnds) {
    const auto paint = [](std::size_t column, std::size_t row) {
        return static_cast<Level>((column * 7919 + row * 104729) % 65536);
    };
    for (std::size_t more = 0; more <= 18; ++more) {
        expect_same_as_reference(image_of(1024 + more, 1, paint), std::to_string(1024 + more) + " x 1");
    }
    for (const auto& [columns, rows] : {std::pair(50, 82), std::pair(17, 241), std::pair(33, 63)}) {
        expect_same_as_reference(
            image_of(static_cast<std::size_t>(columns), static_cast<std::size_t>(rows), paint),
            std::to_string(columns) + " x " + std::to_string(rows));
    }
}

TEST(Monochrome, IsTheReferencesOnOneLevel) {
    for (const std::size_t size : {1U, 2U, 7U, 64U}) {
        for (const unsigned level : {0U, 1U, 32767U, 32768U, 65534U, 65535U}) {
            expect_same_as_reference(image_of(size, size, constant(static_cast<Level>(level))),
                                     std::to_string(level));
        }
    }
}

TEST(Monochrome, IsTheReferencesOnOneRowAndOneColumn) {
    for (std::size_t length = 1; length <= 70; ++length) {
        expect_same_as_reference(
            image_of(length, 1,
                     [](std::size_t column, std::size_t) { return static_cast<Level>(column * 9377); }),
            "row");
        expect_same_as_reference(
            image_of(1, length, [](std::size_t, std::size_t row) { return static_cast<Level>(row * 9377); }),
            "column");
    }
}

// The differences of the two levels end in both halves of the range, or in one.
TEST(Monochrome, IsTheReferencesOnTwoLevels) {
    for (std::size_t first = 0; first < 65536; first += 3121) {
        for (std::size_t second = 0; second < 65536; second += 4099) {
            const auto paint = [&](std::size_t column, std::size_t row) {
                return static_cast<Level>((column + row) % 3 == 0 ? first : second);
            };
            expect_same_as_reference(image_of(9, 8, paint),
                                     std::to_string(first) + " and " + std::to_string(second));
        }
    }
}

// The pictures are symmetrical about the middle level, so that errors are equal except for their rounding.
TEST(Monochrome, IsTheReferencesWhereErrorsTie) {
    for (const std::size_t rows : {2U, 16U, 92U, 165U}) {
        for (const std::size_t columns : {2U, 44U, 93U, 124U, 256U}) {
            const auto paint = [&](std::size_t column, std::size_t) {
                return static_cast<Level>(column * 255 / (columns - 1) * 257);
            };
            GreyImage image = image_of(columns, rows, paint);
            expect_same_as_reference(image, "gradient");
            // Runs end where the alpha changes, and then sums are rounded otherwise.
            image.alpha = image_of(columns, rows, [](std::size_t column, std::size_t) {
                              return static_cast<Level>(column / 3);
                          }).levels;
            expect_same_as_reference(image, "gradient with alpha");
        }
    }
}

// 37 of 74 x 50 pixels are more than 74 * 50 - 0.99 * 74 * 50 only if the factors are multiplied in
// ImageMagick's order. Then white lies at 65535, else at 30000.
TEST(Monochrome, MultipliesTheLimitsOfNoneInOrder) {
    const auto image = image_of(74, 50, [](std::size_t column, std::size_t row) {
        const std::size_t pixel = row * 74 + column;
        return static_cast<Level>(pixel < 37 ? 65535 : pixel < 200 ? 30000 : pixel < 400 ? 20000 : 0);
    });
    GreyImage result = image;
    make_monochrome(result, Dither::kNone);
    EXPECT_EQ(std::count(result.levels.begin(), result.levels.end(), 65535), 37);
    expect_same_as_reference(image, "limits");
}

// `convert` does this too, and docs/monochrome.md tells users.
TEST(Monochrome, InvertsALightPictureWithASpeck) {
    GreyImage image = image_of(40, 40, constant(60000));
    image.levels[0] = 40000;
    make_monochrome(image, Dither::kRiemersma);
    EXPECT_EQ(image.levels[0], 65535);
    EXPECT_EQ(std::count(image.levels.begin(), image.levels.end(), 0), 1599);
}

TEST(Monochrome, GreyOfBytesIsThatOfTheirLevels) {
    std::vector<std::uint8_t> bytes;
    std::vector<Level> expected;
    for (unsigned red = 0; red < 256; red += 5) {
        for (unsigned green = 0; green < 256; ++green) {
            for (unsigned blue = 0; blue < 256; blue += 15) {
                for (const unsigned byte : {red, green, blue})
                    bytes.push_back(static_cast<std::uint8_t>(byte));
                expected.push_back(reference::grey_level(static_cast<Level>(257 * red),
                                                         static_cast<Level>(257 * green),
                                                         static_cast<Level>(257 * blue)));
            }
        }
    }
    std::vector<Level> levels(expected.size());
    grey_levels(bytes, levels);
    EXPECT_TRUE(levels == expected);
}

}  // namespace
}  // namespace bw
