#include <algorithm>

#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

// Each takes ImageMagick 8 KB and more.
constexpr std::uint64_t kMaxApplications = 1000;
// Its GIF encoder takes a time that grows with the square of a comment.
constexpr std::uint64_t kMaxCommentBytes = 1 << 20;

struct Extensions {
    std::size_t applications = 0;
    std::size_t comment_bytes = 0;
};

Extensions extensions_of(std::string_view bytes) {
    const Reader gif{bytes};
    const auto palette = [&gif](std::uint64_t flags_at) {
        const auto flags = gif.number(flags_at, 1);
        return (flags & 0x80) == 0 ? 0 : std::uint64_t{3} << ((flags & 7) + 1);
    };
    Extensions extensions;
    for (std::uint64_t at = 13 + palette(10); at < bytes.size();) {
        const auto block = gif.number(at, 1);
        const auto label = gif.number(at + 1, 1);
        if (block == 0x21) {  // an extension
            extensions.applications += label == 0xff;
            at += 2;
        } else if (block == 0x2c) {  // a frame: place, palette, and the width of codes
            at += 10 + palette(at + 9) + 1;
        } else {
            break;
        }
        while (at < bytes.size() && bytes[at] != 0) {
            const auto size = gif.number(at, 1);
            if (block == 0x21 && label == 0xfe) extensions.comment_bytes += size;
            at += 1 + size;
        }
        ++at;
    }
    return extensions;
}

}  // namespace

std::optional<std::string> excess_of_gif(std::string_view bytes, std::uint64_t) {
    const Extensions extensions = extensions_of(bytes);
    if (auto excess = more_than(kMaxApplications, extensions.applications, "application blocks"))
        return excess;
    return more_than(kMaxCommentBytes, extensions.comment_bytes, "bytes of comments");
}

}  // namespace bw::image::headers
