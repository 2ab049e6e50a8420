#include "ballast.hpp"

#include <algorithm>

namespace bw::image {
namespace {

// Each takes ImageMagick 8 KB and more.
constexpr std::size_t kMaxGifApplications = 1000;
// Its GIF encoder takes a time that grows with the square of a comment.
constexpr std::size_t kMaxGifComments = 1 << 20;
constexpr std::size_t kMaxPnmComments = 1 << 16;
// Packed; deflate makes up to a thousand times as much of it. EXIF data of the longest kind fit.
constexpr std::size_t kMaxPngTexts = 256 << 10;

// Numbers of a file that may end anywhere: beyond the end there are zeros.
struct Reader {
    std::string_view bytes;
    bool big_endian = false;

    std::uint64_t number(std::uint64_t at, unsigned size) const {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i) {
            const std::uint64_t here = at + (big_endian ? i : size - 1 - i);
            value = value << 8 | (here < bytes.size() ? static_cast<unsigned char>(bytes[here]) : 0U);
        }
        return value;
    }
};

struct TiffLayout {
    unsigned first, word, count, entry;  // of the first offset, an offset, the number of entries, an entry
};
constexpr TiffLayout kClassic{4, 4, 2, 12};
constexpr TiffLayout kBig{8, 8, 8, 20};

// A tile is unpacked whole, however small the page.
std::optional<std::string> excess_of_tiff(std::string_view bytes, std::uint64_t max_pixels) {
    constexpr unsigned kTileWidth = 322;
    constexpr unsigned kTileLength = 323;
    constexpr unsigned kShort = 3;
    const Reader tiff{bytes, bytes.starts_with("MM")};
    const TiffLayout layout = tiff.number(2, 2) == 43 ? kBig : kClassic;
    std::uint64_t page = tiff.number(layout.first, layout.word);
    std::uint64_t read = 0;
    while (page != 0 && page < bytes.size()) {
        const std::uint64_t most = (bytes.size() - page) / layout.entry;
        const std::uint64_t entries = std::min(tiff.number(page, layout.count), most);
        std::uint64_t width = 0;
        std::uint64_t length = 0;
        for (std::uint64_t i = 0; i < entries; ++i) {
            const std::uint64_t entry = page + layout.count + i * layout.entry;
            const std::uint64_t tag = tiff.number(entry, 2);
            if (tag != kTileWidth && tag != kTileLength) continue;
            const unsigned size = tiff.number(entry + 2, 2) == kShort ? 2 : 4;
            (tag == kTileWidth ? width : length) = tiff.number(entry + layout.entry - layout.word, size);
        }
        if (width > 0 && length > max_pixels / width) {
            return "has a tile of more than " + std::to_string(max_pixels) +
                   " pixels, which is BW_MAX_PIXELS";
        }
        // Else a page that names itself as the next one would be read for ever.
        read += layout.count + entries * layout.entry;
        if (read > bytes.size()) return "has directories that overlap or go in circles";
        page = tiff.number(page + layout.count + entries * layout.entry, layout.word);
    }
    return std::nullopt;
}

struct GifBallast {
    std::size_t applications = 0;
    std::size_t comment_bytes = 0;
};

GifBallast ballast_of_gif(std::string_view bytes) {
    const Reader gif{bytes};
    const auto palette = [&gif](std::uint64_t flags_at) {
        const auto flags = gif.number(flags_at, 1);
        return (flags & 0x80) == 0 ? 0 : std::uint64_t{3} << ((flags & 7) + 1);
    };
    GifBallast ballast;
    for (std::uint64_t at = 13 + palette(10); at < bytes.size();) {
        const auto block = gif.number(at, 1);
        const auto label = gif.number(at + 1, 1);
        if (block == 0x21) {  // an extension
            ballast.applications += label == 0xff;
            at += 2;
        } else if (block == 0x2c) {  // a frame: place, palette, and the width of codes
            at += 10 + palette(at + 9) + 1;
        } else {
            break;
        }
        while (at < bytes.size() && bytes[at] != 0) {
            const auto size = gif.number(at, 1);
            if (block == 0x21 && label == 0xfe) ballast.comment_bytes += size;
            at += 1 + size;
        }
        ++at;
    }
    return ballast;
}

std::uint64_t packed_text_of_png(std::string_view bytes) {
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

bool ends_number(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#'; }

// In the first header, up to its last number: bits have no maximum.
std::size_t comments_of_pnm(std::string_view bytes) {
    std::size_t in_comments = 0;
    std::size_t at = 2;
    for (int numbers = bytes[1] == '1' || bytes[1] == '4' ? 2 : 3; numbers > 0; --numbers) {
        at = bytes.find_first_not_of(" \t\r\n", at);
        while (at < bytes.size() && bytes[at] == '#' && in_comments <= kMaxPnmComments) {
            const auto end = std::min(bytes.find('\n', at), bytes.size());
            in_comments += end - at;
            at = bytes.find_first_not_of(" \t\r\n", end);
        }
        while (at < bytes.size() && !ends_number(bytes[at])) ++at;
    }
    return in_comments;
}

std::string more_than(std::size_t limit, const std::string& what) {
    return "has more than " + std::to_string(limit) + " " + what + " (no setting allows more)";
}

}  // namespace

std::optional<std::string> excess_of_ballast(std::string_view bytes, const Format& format,
                                             std::uint64_t max_pixels) {
    if (format.name == "tiff") return excess_of_tiff(bytes, max_pixels);
    if (format.name == "gif") {
        const auto gif = ballast_of_gif(bytes);
        if (gif.applications > kMaxGifApplications)
            return more_than(kMaxGifApplications, "application blocks");
        if (gif.comment_bytes > kMaxGifComments) return more_than(kMaxGifComments, "bytes of comments");
    }
    if (format.name == "png" && packed_text_of_png(bytes) > kMaxPngTexts) {
        return more_than(kMaxPngTexts, "bytes of compressed texts");
    }
    if (format.name == "pnm" && comments_of_pnm(bytes) > kMaxPnmComments) {
        return more_than(kMaxPnmComments, "bytes of comments in its header");
    }
    return std::nullopt;
}

}  // namespace bw::image
