#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

// A progressive JPEG is decoded scan by scan, each of them over all pixels: 86 KB can ask for 900. Encoders
// write about ten, the greediest optimisers some dozens.
constexpr std::uint64_t kMaxScans = 100;

constexpr unsigned kStartOfImage = 0xd8;
constexpr unsigned kEndOfImage = 0xd9;
constexpr unsigned kStartOfScan = 0xda;

// No length follows these: a zero that was stuffed into the data, TEM, the restart markers, and the start of
// the image.
bool stands_alone(std::uint64_t marker) {
    return marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= kStartOfImage);
}

}  // namespace

std::uint64_t count_jpeg_scans(std::string_view bytes) {
    const Reader jpeg{bytes, true};
    std::uint64_t scans = 0;
    std::size_t at = bytes.find('\xff');
    while (at < bytes.size() && bytes.size() - at >= 4) {
        const auto marker = jpeg.number(at + 1, 1);
        if (marker == kEndOfImage) break;
        if (marker == kStartOfScan) ++scans;
        if (marker == 0xff) {  // fill
            ++at;
        } else if (stands_alone(marker)) {
            at += 2;
        } else {
            at += 2 + jpeg.number(at + 2, 2);
        }
        at = bytes.find('\xff', at);
    }
    return scans;
}

std::optional<std::string> excess_of_jpeg(std::string_view bytes, std::uint64_t) {
    return more_than(kMaxScans, count_jpeg_scans(bytes),
                     "scans, each of which costs as much as the whole picture");
}

}  // namespace bw::image::headers
