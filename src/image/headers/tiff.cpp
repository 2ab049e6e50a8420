#include <algorithm>

#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

struct TiffLayout {
    unsigned first, word, count, entry;  // of the first offset, an offset, the number of entries, an entry
};
constexpr TiffLayout kClassic{4, 4, 2, 12};
constexpr TiffLayout kBig{8, 8, 8, 20};

}  // namespace

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

}  // namespace bw::image::headers
