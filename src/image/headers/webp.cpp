#include "webp.hpp"

#include "reader.hpp"

namespace bw::image::headers {

std::optional<Extent> extent_of_webp_animation(std::string_view bytes) {
    constexpr std::uint64_t kChunks = 12;      // RIFF, size, WEBP
    constexpr std::uint64_t kChunkHeader = 8;  // four letters and a size
    constexpr std::uint64_t kCanvas = 24;      // in the VP8X chunk: each side less one, in three bytes
    constexpr std::uint64_t kIsAnimation = 0x02;
    const Reader webp{bytes};
    if (bytes.size() < kCanvas + 6 || bytes.substr(kChunks, 4) != "VP8X" ||
        (webp.number(kChunks + kChunkHeader, 1) & kIsAnimation) == 0) {
        return std::nullopt;
    }
    Extent extent{
        .frames = 0, .columns = webp.number(kCanvas, 3) + 1, .rows = webp.number(kCanvas + 3, 3) + 1};
    for (std::uint64_t at = kChunks; at + kChunkHeader <= bytes.size();) {
        if (bytes.substr(at, 4) == "ANMF") ++extent.frames;
        const auto size = webp.number(at + 4, 4);
        at += kChunkHeader + size + size % 2;
    }
    extent.pixels = saturated_product(extent.frames, extent.columns * extent.rows);
    return extent;
}

}  // namespace bw::image::headers
