// Made-up pictures for the kernel's tests. The same numbers give the same pictures, whatever the compiler and
// the machine. Pure; any thread may call it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "bw/dither.hpp"

namespace bw::oracle {

struct Picture {
    std::string recipe;  // its numbers and what is on it, for the eye
    std::size_t columns = 0;
    std::size_t rows = 0;
    bool grey = false;
    std::vector<Level> channels;  // pixel by pixel: one level, or red, green, blue
    std::vector<Level> alpha;     // empty, or one for each pixel
    Intensity intensity = Intensity::kLuma;
};

// 1x1 to 300x300. Any `number` of a `seed` is a picture of its own.
Picture make_picture(std::uint64_t seed, std::uint64_t number);

// The picture as the kernel gets it, by the given rule for the grey of a pixel.
GreyImage grey_image(const Picture& picture, Level (*grey_level)(Level, Level, Level));

// A binary PGM or PPM of 16 bits, without the alpha.
void write_pnm(const Picture& picture, const std::filesystem::path& path);

// A binary PBM as ImageMagick writes it. Levels other than 0 and 65535 count as white.
void write_pbm(const GreyImage& image, const std::filesystem::path& path);

}  // namespace bw::oracle
