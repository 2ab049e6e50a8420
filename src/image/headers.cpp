#include "headers.hpp"

namespace bw::image {
namespace {

constexpr unsigned kStartOfImage = 0xd8;
constexpr unsigned kEndOfImage = 0xd9;
constexpr unsigned kStartOfScan = 0xda;

// A stuffed zero, TEM, the restart markers, the start of the image: no length follows.
bool stands_alone(unsigned marker) {
    return marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= kStartOfImage);
}

unsigned byte(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::uint32_t{byte(bytes, at + i)} << (8 * i);
    return value;
}

}  // namespace

std::size_t count_jpeg_scans(std::string_view bytes) {
    std::size_t scans = 0;
    std::size_t at = bytes.find('\xff');
    while (at < bytes.size() && bytes.size() - at >= 4) {
        const unsigned marker = byte(bytes, at + 1);
        if (marker == kEndOfImage) break;
        if (marker == kStartOfScan) ++scans;
        if (marker == 0xff) {  // fill
            ++at;
        } else if (stands_alone(marker)) {
            at += 2;
        } else {
            at += 2 + byte(bytes, at + 2) * std::size_t{256} + byte(bytes, at + 3);
        }
        at = bytes.find('\xff', at);
    }
    return scans;
}

std::optional<Animation> webp_animation(std::string_view bytes) {
    constexpr std::size_t kChunks = 12;      // RIFF, size, WEBP
    constexpr std::size_t kChunkHeader = 8;  // four letters and a size
    constexpr std::size_t kCanvas = 24;      // in the VP8X chunk: each side less one, in three bytes
    constexpr unsigned kIsAnimation = 0x02;
    if (bytes.size() < kCanvas + 6 || bytes.substr(kChunks, 4) != "VP8X" ||
        (byte(bytes, kChunks + kChunkHeader) & kIsAnimation) == 0) {
        return std::nullopt;
    }
    Animation animation{0, little_endian(bytes, kCanvas, 3) + 1, little_endian(bytes, kCanvas + 3, 3) + 1};
    for (std::size_t at = kChunks; at < bytes.size() && bytes.size() - at >= kChunkHeader;) {
        if (bytes.substr(at, 4) == "ANMF") ++animation.frames;
        const std::size_t size = little_endian(bytes, at + 4, 4);
        at += kChunkHeader + size + size % 2;
    }
    return animation;
}

}  // namespace bw::image
