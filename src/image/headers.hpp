// What ImageMagick does not tell without decoding, read from the structure of a file, at the speed of memory.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bw::image {

// Progressive JPEGs are decoded scan by scan, each of them over all pixels: 86 KB can ask for 900. Encoders
// write about ten, the greediest optimisers some dozens.
inline constexpr std::size_t kMaxJpegScans = 100;

// As libjpeg would meet them.
std::size_t count_jpeg_scans(std::string_view bytes);

struct Animation {
    std::size_t frames = 0;
    std::uint32_t columns = 0;  // of the canvas, which every frame is decoded to
    std::uint32_t rows = 0;
};

// Nothing if it is no animation: a ping tells the size of a single picture, and decodes all of an animation.
std::optional<Animation> webp_animation(std::string_view bytes);

}  // namespace bw::image
