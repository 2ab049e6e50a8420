// JPEG to JPEG, without ImageMagick.
#include <algorithm>

#include "bw/base/error.hpp"
#include "bw/dither.hpp"
#include "check.hpp"
#include "image/headers/excess.hpp"
#include "image/jpeg/jpeg.hpp"

namespace bw::fuzz {
namespace {

namespace jpeg = image::jpeg;

constexpr std::uint64_t kMaxPixels = 64 * 1024;

bool is_direct(std::string_view bytes) {
    const auto header = jpeg::read_header(bytes);
    return header.direct && header.rows <= kMaxPixels / header.columns &&
           !image::headers::excess_of_jpeg(bytes, kMaxPixels);
}

std::string convert(std::string_view bytes) {
    const Checkpoint none = [] {};
    auto [grey, metadata] = jpeg::decode(bytes, none);
    require(grey.levels.size() == grey.columns * grey.rows, "a decoded picture has all of its pixels");
    require(metadata.quality >= 1 && metadata.quality <= 100, "a quality is one that can be written");
    make_monochrome(grey, Dither::kNone, none);
    require(std::all_of(grey.levels.begin(), grey.levels.end(), [](Level l) { return l == 0 || l == 65535; }),
            "every level is black or white");
    auto result = jpeg::encode(grey, metadata, none);
    const auto again = jpeg::read_header(result);
    require(again.direct && again.columns == grey.columns && again.rows == grey.rows,
            "a result has the size of its source");
    return result;
}

}  // namespace
}  // namespace bw::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    const auto bytes = fuzz::text(data, size);
    std::string result;
    try {
        if (!fuzz::is_direct(bytes)) return 0;
        result = fuzz::convert(bytes);
    } catch (const Error& error) {
        fuzz::require(error.kind() == ErrorKind::kImage, "a JPEG that is refused is an error of kind image");
        return 0;
    }
    fuzz::convert(result);  // what it throws ends the process: our own result is never refused
    return 0;
}
