#include <algorithm>

#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

// This counts packed bytes; unpacked they can be a thousand times as many. The longest EXIF data that there
// can be fit.
constexpr std::uint64_t kMaxPackedTexts = 256 << 10;

std::uint64_t packed_texts_of(std::string_view bytes) {
    const Reader png{bytes, true};
    std::uint64_t packed = 0;
    for (std::uint64_t at = 8; at + 12 <= bytes.size();) {
        const std::uint64_t size = png.number(at, 4);
        const auto kind = bytes.substr(at + 4, 4);
        const auto body = bytes.substr(at + 8, size);
        if (kind == "zTXt") packed += size;
        if (kind == "iTXt") {
            const auto flag = body.find('\0') + 1;  // behind the keyword
            if (flag > 0 && flag < body.size() && body[flag] == 1) packed += size;
        }
        at += 12 + size;
    }
    return packed;
}

}  // namespace

std::optional<std::string> excess_of_png(std::string_view bytes, std::uint64_t) {
    return more_than(kMaxPackedTexts, packed_texts_of(bytes), "bytes of compressed texts");
}

}  // namespace bw::image::headers
