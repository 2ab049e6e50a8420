#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "bw/dither.hpp"
#include "diffusion.hpp"
#include "palette.hpp"

namespace bw {
namespace {

using dither::kLevels;
using dither::LevelCounts;

constexpr Level kBlack = 0;
constexpr Level kWhite = 65535;
constexpr double kHalf = 32767.5;
constexpr double kHalfLuminance = 48191.5;  // the levels below it stand for less than half of the light

constexpr double kRed = 0.212656;  // Rec. 709 luma, with the digits that ImageMagick has
constexpr double kGreen = 0.715158;
constexpr double kBlue = 0.072186;

LevelCounts count_levels(const GreyImage& image, const Checkpoint& checkpoint) {
    std::vector<std::uint32_t> by_level(kLevels);
    dither::in_parts(image.levels.size(), checkpoint, [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) ++by_level[image.levels[i]];
    });
    LevelCounts counts;
    for (std::size_t level = 0; level < kLevels; ++level) {
        if (by_level[level] > 0) counts.push_back({static_cast<Level>(level), by_level[level]});
    }
    return counts;
}

// The light that a level of sRGB stands for, as a level.
Level luminance(Level level) {
    constexpr double kLastLinear = 0.0404482362771076;  // sRGB is linear up to here
    const double encoded = level / 65535.0;
    const double light = encoded <= kLastLinear ? encoded / 12.92 : std::pow((encoded + 0.055) / 1.055, 2.4);
    return static_cast<Level>(65535.0 * light + 0.5);
}

// The levels by which the range of a picture is found, in ascending order. One level may come several times.
LevelCounts measured(LevelCounts counts, Intensity intensity) {
    if (intensity == Intensity::kLuma) return counts;
    for (auto& one : counts) one.level = luminance(one.level);
    return counts;
}

// The levels that become black and white when a picture is stretched to the whole range.
struct Range {
    Level black;
    Level white;
};

// How many pixels may lie under `black`, and how many over `white`.
Range range_of(const LevelCounts& counts, double under_black, double over_white) {
    const auto first_beyond = [](auto begin, auto end, double limit) {
        const auto whole = static_cast<std::uint64_t>(limit);
        std::uint64_t seen = 0;
        return std::find_if(begin, end, [&](const auto& one) { return (seen += one.count) > whole; })->level;
    };
    return {first_beyond(counts.begin(), counts.end(), under_black),
            first_beyond(counts.rbegin(), counts.rend(), over_white)};
}

// What each level that occurs in the picture becomes; the index is the level.
std::vector<Level> stretch_levels(const LevelCounts& counts, const Range& range) {
    std::vector<Level> stretched(kLevels);
    const double width = range.white - range.black;
    for (const auto& [level, count] : counts) {
        if (range.black == range.white) {
            stretched[level] = level;
        } else {
            const double above = std::clamp<double>(level - range.black, 0, width);
            stretched[level] = static_cast<Level>(65535.0 * above / width + 0.5);
        }
    }
    return stretched;
}

std::vector<Level> stretch_levels(const LevelCounts& counts, std::size_t pixels, Intensity intensity) {
    const auto all = static_cast<double>(pixels);
    return stretch_levels(counts, range_of(measured(counts, intensity), all * 0.0015, all - all * 0.9995));
}

void cut_at_half_range(GreyImage& image, const Checkpoint& checkpoint) {
    const auto columns = static_cast<double>(image.columns);
    const auto rows = static_cast<double>(image.rows);
    // ImageMagick 7 measures a picture of one channel always by its levels.
    const Intensity intensity = image.alpha.empty() ? Intensity::kLuma : image.intensity;
    const Range range = range_of(measured(count_levels(image, checkpoint), intensity), 0.02 * columns * rows,
                                 columns * rows - 0.99 * columns * rows);
    const double scale = 65535.0 * (1.0 / (range.white - range.black));
    const double last_black = intensity == Intensity::kLuma ? kHalf : kHalfLuminance;
    const auto is_black = [&](std::size_t level) {
        if (range.black == range.white) return static_cast<double>(level) <= last_black;
        if (level <= range.black || level > range.white) return level <= range.black;
        return scale * static_cast<double>(level - range.black) < last_black;
    };
    std::size_t first_white = 0;
    for (std::size_t step = kLevels / 2; step > 0; step /= 2) {
        if (is_black(first_white + step - 1)) first_white += step;
    }
    dither::in_parts(image.levels.size(), checkpoint, [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) {
            image.levels[i] = image.levels[i] >= first_white ? kWhite : kBlack;
        }
    });
}

void riemersma(GreyImage& image, const Checkpoint& checkpoint) {
    const LevelCounts counts = count_levels(image, checkpoint);
    const auto stretched = stretch_levels(counts, image.levels.size(), image.intensity);
    const auto is_done = [&](const auto& one) {
        return stretched[one.level] == kBlack || stretched[one.level] == kWhite;
    };
    // This is a scan of a text, for example: its levels are the palette, and no pixel leaves an error.
    if (std::all_of(counts.begin(), counts.end(), is_done)) {
        for (Level& level : image.levels) level = stretched[level];
        return;
    }
    const auto palette = dither::make_palette(image, counts, stretched, checkpoint);
    if (palette.size == 1) {
        return std::fill(image.levels.begin(), image.levels.end(), palette.is_white(0) ? kWhite : kBlack);
    }
    dither::diffuse(image, stretched, palette, checkpoint);
}

// Goes row by row, from the left. Of a pixel's error the next pixel takes 7/16, and the three pixels below
// take 3/16, 5/16 and 1/16. All that a pixel inherits is rounded once, half up.
void floyd_steinberg(GreyImage& image, const Checkpoint& checkpoint) {
    const auto stretched =
        stretch_levels(count_levels(image, checkpoint), image.levels.size(), image.intensity);
    std::vector<std::int32_t> above(image.columns + 2);  // errors of the row above, from column -1 on
    for (std::size_t y = 0; y < image.rows; ++y) {
        Level* row = image.levels.data() + y * image.columns;
        std::int32_t left = 0;
        std::int32_t above_left = 0;
        for (std::size_t x = 0; x < image.columns; ++x) {
            if ((y * image.columns + x) % dither::kPart == 0) checkpoint();
            const std::int32_t inherited = 7 * left + 3 * above[x + 2] + 5 * above[x + 1] + above_left;
            const std::int32_t level = stretched[row[x]] + ((inherited + 8) >> 4);
            row[x] = level > kHalf ? kWhite : kBlack;
            above_left = std::exchange(above[x + 1], left = level - row[x]);
        }
    }
}

}  // namespace

Level grey_level(Level red, Level green, Level blue) {
    return static_cast<Level>(std::min(kRed * red + kGreen * green + kBlue * blue + 0.5, 65535.0));
}

void grey_levels(std::span<const std::uint8_t> rgb, std::span<Level> levels) {
    static const auto products = [] {
        std::array<std::array<double, 256>, 3> tables{};
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const double level = 257.0 * static_cast<double>(byte);
            tables[0][byte] = kRed * level;
            tables[1][byte] = kGreen * level;
            tables[2][byte] = kBlue * level;
        }
        return tables;
    }();
    const std::uint8_t* pixel = rgb.data();
    for (Level& level : levels) {
        level =
            static_cast<Level>(products[0][pixel[0]] + products[1][pixel[1]] + products[2][pixel[2]] + 0.5);
        pixel += 3;
    }
}

void make_monochrome(GreyImage& image, Dither dither, const Checkpoint& checkpoint) {
    if (image.levels.empty()) return;
    switch (dither) {
        case Dither::kRiemersma:
            return riemersma(image, checkpoint);
        case Dither::kNone:
            return cut_at_half_range(image, checkpoint);
        case Dither::kFloydSteinberg:
            return floyd_steinberg(image, checkpoint);
    }
}

}  // namespace bw
