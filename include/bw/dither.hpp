// Grey levels become black and white. Pure; any thread may call it.
//
// Two of the dithers are what an ImageMagick does, so that its users get what they know, on every machine:
// kRiemersma is `convert -monochrome` of ImageMagick 6.9.11 (Debian 12), kNone is `magick -monochrome` of
// ImageMagick 7.1.1 (Debian 13). kFloydSteinberg is our own. docs/monochrome.md defines all of them in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace bw {

using Level = std::uint16_t;  // 0: black, 65535: white

enum class Dither { kRiemersma, kNone, kFloydSteinberg };

// The grey of an sRGB pixel.
Level grey_level(Level red, Level green, Level blue);

// The grey of 8-bit sRGB pixels, three bytes each, where a byte b stands for the level 257 b.
void grey_levels(std::span<const std::uint8_t> rgb, std::span<Level> levels);

// What ImageMagick measures to find the darkest and the lightest pixels of a picture: the level itself, or
// how much light it stands for. docs/monochrome.md says which pictures have the second.
enum class Intensity { kLuma, kLuminance };

struct GreyImage {
    std::size_t columns = 0;
    std::size_t rows = 0;
    std::vector<Level> levels;  // columns x rows, row by row; fewer than 2^32
    // The alpha of each pixel of a picture with transparency; else empty. It changes a result only where
    // ImageMagick's result depends on how rounding errors add up: a run of equal pixels ends where the alpha
    // changes.
    std::vector<Level> alpha = {};
    Intensity intensity = Intensity::kLuma;
};

// It is called between parts of the work, each of some milliseconds, and may throw to end the work.
using Checkpoint = std::function<void()>;

// Every level becomes 0 or 65535. If `checkpoint` throws, the levels are worth nothing.
void make_monochrome(
    GreyImage& image, Dither dither, const Checkpoint& checkpoint = [] {});

}  // namespace bw
