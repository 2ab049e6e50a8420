#include "formats.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace bw::image {
namespace {

// A format by the first bytes of its files. ImageMagick is told which decoder to use: left to itself it has a
// hundred, some of which start other programs or read other files.
struct Signature {
    std::string_view format;  // ImageMagick's name
    std::size_t offset;
    std::string_view bytes;
};

using std::string_view_literals::operator""sv;

constexpr std::array kSignatures{
    Signature{"JPEG", 0, "\xff\xd8\xff"sv},
    Signature{"PNG", 0, "\x89PNG\r\n\x1a\n"sv},
    Signature{"GIF", 0, "GIF87a"sv},
    Signature{"GIF", 0, "GIF89a"sv},
    Signature{"TIFF", 0, "II\x2a\0"sv},
    Signature{"TIFF", 0, "MM\0\x2a"sv},
    Signature{"TIFF64", 0, "II\x2b\0"sv},
    Signature{"TIFF64", 0, "MM\0\x2b"sv},
    Signature{"WEBP", 8, "WEBP"sv},
    Signature{"BMP", 0, "BM"sv},
    Signature{"PBM", 0, "P1"sv},
    Signature{"PGM", 0, "P2"sv},
    Signature{"PPM", 0, "P3"sv},
    Signature{"PBM", 0, "P4"sv},
    Signature{"PGM", 0, "P5"sv},
    Signature{"PPM", 0, "P6"sv},
};

}  // namespace

std::optional<std::string_view> format_of(std::string_view bytes) {
    const auto* found = std::find_if(kSignatures.begin(), kSignatures.end(), [bytes](const Signature& one) {
        return bytes.size() > one.offset && bytes.substr(one.offset).starts_with(one.bytes);
    });
    if (found == kSignatures.end()) return std::nullopt;
    return found->format;
}

std::optional<std::string_view> format_named_by(std::string_view extension) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kFormats{
        {{".jpg", "JPEG"},
         {".jpeg", "JPEG"},
         {".png", "PNG"},
         {".gif", "GIF"},
         {".tif", "TIFF"},
         {".tiff", "TIFF"},
         {".webp", "WEBP"},
         {".bmp", "BMP"},
         {".pbm", "PBM"},
         {".pgm", "PGM"},
         {".ppm", "PPM"},
         {".pnm", "PNM"}}};
    std::string lower(extension);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const auto* found =
        std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& one) { return one.first == lower; });
    if (found == kFormats.end()) return std::nullopt;
    return found->second;
}

}  // namespace bw::image
