#include "tiff.hpp"

#include <algorithm>
#include <array>

#include "../extent.hpp"
#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

constexpr unsigned kTileWidth = 322;
constexpr unsigned kTileLength = 323;

struct Layout {
    unsigned first_offset;  // where the offset of the first directory stands
    unsigned offset_bytes;
    unsigned count_bytes;  // of the number of entries that a directory begins with
    unsigned entry_bytes;
};
constexpr Layout kClassic{.first_offset = 4, .offset_bytes = 4, .count_bytes = 2, .entry_bytes = 12};
constexpr Layout kBig{.first_offset = 8, .offset_bytes = 8, .count_bytes = 8, .entry_bytes = 20};

// The sizes of the types of integers, by the number of the type. libtiff takes the width of a tile in each of
// them; it takes no other type, and those have 0 bytes here.
constexpr std::array<unsigned, 18> kIntegerBytes{0, 1, 0, 2, 4, 0, 1, 0, 2, 4, 0, 0, 0, 0, 0, 0, 8, 8};

struct Tile {
    std::uint64_t width = 0;
    std::uint64_t length = 0;

    // libtiff takes the first of several entries of one tag, other readers the last: the greatest counts.
    void take(std::uint64_t tag, std::uint64_t value) {
        if (tag == kTileWidth) width = std::max(width, value);
        if (tag == kTileLength) length = std::max(length, value);
    }
};

class Tiff {
  public:
    explicit Tiff(std::string_view bytes)
        : file_{bytes, bytes.starts_with("MM")}, layout_(file_.number(2, 2) == 43 ? kBig : kClassic) {}

    std::uint64_t first_directory() const { return file_.number(layout_.first_offset, layout_.offset_bytes); }

    // How many entries a directory has; no more than the file has room for.
    std::uint64_t entries(std::uint64_t directory) const {
        const auto room = (file_.bytes.size() - directory) / layout_.entry_bytes;
        return std::min(file_.number(directory, layout_.count_bytes), room);
    }

    Tile tile(std::uint64_t directory) const {
        Tile tile;
        for (std::uint64_t i = 0; i < entries(directory); ++i) {
            const auto entry = directory + layout_.count_bytes + i * layout_.entry_bytes;
            tile.take(file_.number(entry, 2), value(entry));
        }
        return tile;
    }

    std::uint64_t directory_bytes(std::uint64_t directory) const {
        return layout_.count_bytes + entries(directory) * layout_.entry_bytes;
    }

    std::uint64_t next_directory(std::uint64_t directory) const {
        return file_.number(directory + directory_bytes(directory), layout_.offset_bytes);
    }

    // Whether libtiff can read the directory.
    bool is_whole(std::uint64_t directory) const {
        constexpr std::uint64_t kMostEntries = 4096;
        const auto count = file_.number(directory, layout_.count_bytes);
        return count > 0 && count <= kMostEntries &&
               directory + directory_bytes(directory) <= file_.bytes.size() && count == entries(directory);
    }

  private:
    // The first value of an entry: it stands in the entry, at the beginning of the field, or behind an offset
    // where it does not fit.
    std::uint64_t value(std::uint64_t entry) const {
        const auto type = file_.number(entry + 2, 2);
        const unsigned bytes = type < kIntegerBytes.size() ? kIntegerBytes[type] : 0;
        const auto field = entry + layout_.entry_bytes - layout_.offset_bytes;
        return file_.number(bytes > layout_.offset_bytes ? file_.number(field, layout_.offset_bytes) : field,
                            bytes);
    }

    Reader file_;
    Layout layout_;
};

}  // namespace

// A tile is unpacked whole, however small the page. A strip is not: libtiff makes it no longer than the page.
std::optional<std::string> excess_of_tiff(std::string_view bytes, std::uint64_t max_pixels) {
    const Tiff tiff(bytes);
    std::uint64_t read = 0;
    for (auto page = tiff.first_directory(); page != 0 && page < bytes.size();
         page = tiff.next_directory(page)) {
        const Tile tile = tiff.tile(page);
        if (saturated_product(tile.width, tile.length) > max_pixels) {
            return "has a tile of more than " + std::to_string(max_pixels) +
                   " pixels, which is BW_MAX_PIXELS";
        }
        // Without this a page that names itself as the next one would be read for ever.
        read += tiff.directory_bytes(page);
        if (read > bytes.size()) return "has directories that overlap or go in circles";
    }
    return std::nullopt;
}

bool is_about_metadata_of_tiff(std::string_view error, std::string_view bytes) {
    static constexpr std::array<std::string_view, 5> kAboutADirectory{
        "Sanity check on directory count failed", "Can not read TIFF directory",
        "Seek error accessing TIFF directory", "Failed to read custom directory",
        "Defined set_field_type of custom tag"};
    const auto says = [error](std::string_view words) { return error.find(words) != error.npos; };
    if (std::none_of(kAboutADirectory.begin(), kAboutADirectory.end(), says)) return false;
    const Tiff tiff(bytes);
    auto page = tiff.first_directory();
    std::uint64_t read = 0;
    // A chain that goes in circles ends where more has been read than there is.
    while (page != 0 && page < bytes.size() && tiff.is_whole(page) && read <= bytes.size()) {
        read += tiff.directory_bytes(page);
        page = tiff.next_directory(page);
    }
    return page == 0;
}

}  // namespace bw::image::headers
