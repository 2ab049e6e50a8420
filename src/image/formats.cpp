#include "formats.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace bw::image {
namespace {

using std::string_view_literals::operator""sv;

constexpr Format kJpeg{"jpeg", "JPEG"};
constexpr Format kPng{"png", "PNG"};
constexpr Format kGif{"gif", "GIF"};
constexpr Format kTiff{"tiff", "TIFF"};
constexpr Format kBigTiff{"tiff", "TIFF64"};
constexpr Format kWebp{"webp", "WEBP"};
constexpr Format kBmp{"bmp", "BMP"};
constexpr Format kPbm{"pnm", "PBM"};
constexpr Format kPgm{"pnm", "PGM"};
constexpr Format kPpm{"pnm", "PPM"};
constexpr Format kPnm{"pnm", "PNM"};  // only written: whichever of the three holds the pixels
constexpr Format kHeic{"heic", "HEIC"};
constexpr Format kAvif{"avif", "AVIF"};
constexpr Format kJp2{"jp2", "JP2"};
constexpr Format kJpegStream{"jp2", "J2K"};
constexpr Format kQoi{"qoi", "QOI"};

// A format by the first bytes of its files. ImageMagick is told which decoder to use: left to itself it has a
// hundred, some of which start other programs or read other files.
struct Signature {
    Format format;
    std::size_t offset;
    std::string_view bytes;
};

constexpr std::array kSignatures{
    Signature{kJpeg, 0, "\xff\xd8\xff"sv},
    Signature{kPng, 0, "\x89PNG\r\n\x1a\n"sv},
    Signature{kGif, 0, "GIF87a"sv},
    Signature{kGif, 0, "GIF89a"sv},
    Signature{kTiff, 0, "II\x2a\0"sv},
    Signature{kTiff, 0, "MM\0\x2a"sv},
    Signature{kBigTiff, 0, "II\x2b\0"sv},
    Signature{kBigTiff, 0, "MM\0\x2b"sv},
    Signature{kWebp, 8, "WEBP"sv},
    Signature{kBmp, 0, "BM"sv},
    Signature{kPbm, 0, "P1"sv},
    Signature{kPgm, 0, "P2"sv},
    Signature{kPpm, 0, "P3"sv},
    Signature{kPbm, 0, "P4"sv},
    Signature{kPgm, 0, "P5"sv},
    Signature{kPpm, 0, "P6"sv},
    Signature{kHeic, 4, "ftypheic"sv},
    Signature{kHeic, 4, "ftypheix"sv},
    Signature{kHeic, 4, "ftypmif1"sv},
    Signature{kAvif, 4, "ftypavif"sv},
    Signature{kJp2, 0, "\0\0\0\x0cjP  \r\n\x87\n"sv},
    Signature{kJpegStream, 0, "\xff\x4f\xff\x51"sv},
    Signature{kQoi, 0, "qoif"sv},
};

struct Extension {
    std::string_view text;
    Format format;
};

constexpr std::array kExtensions{
    Extension{".jpg", kJpeg},       Extension{".jpeg", kJpeg},      Extension{".jpe", kJpeg},
    Extension{".jfif", kJpeg},      Extension{".jif", kJpeg},       Extension{".jfi", kJpeg},
    Extension{".pjpeg", kJpeg},     Extension{".pjp", kJpeg},       Extension{".png", kPng},
    Extension{".gif", kGif},        Extension{".tif", kTiff},       Extension{".tiff", kTiff},
    Extension{".tf8", kBigTiff},    Extension{".btf", kBigTiff},    Extension{".webp", kWebp},
    Extension{".bmp", kBmp},        Extension{".dib", kBmp},        Extension{".pbm", kPbm},
    Extension{".pgm", kPgm},        Extension{".ppm", kPpm},        Extension{".pnm", kPnm},
    Extension{".heic", kHeic},      Extension{".heif", kHeic},      Extension{".hif", kHeic},
    Extension{".avif", kAvif},      Extension{".jp2", kJp2},        Extension{".j2k", kJpegStream},
    Extension{".j2c", kJpegStream}, Extension{".jpc", kJpegStream}, Extension{".qoi", kQoi},
};

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return result;
}

}  // namespace

std::optional<Format> format_of(std::string_view bytes) {
    const auto* found = std::find_if(kSignatures.begin(), kSignatures.end(), [bytes](const Signature& one) {
        return bytes.size() > one.offset && bytes.substr(one.offset).starts_with(one.bytes);
    });
    if (found == kSignatures.end()) return std::nullopt;
    return found->format;
}

std::optional<Format> format_named_by(std::string_view extension) {
    const auto* found = std::find_if(kExtensions.begin(), kExtensions.end(),
                                     [name = lower(extension)](const auto& one) { return one.text == name; });
    if (found == kExtensions.end()) return std::nullopt;
    return found->format;
}

std::string canonical_name(std::string_view name) {
    const auto format = format_named_by("." + std::string(name));
    return format ? std::string(format->name) : lower(name);
}

std::vector<Format> all_formats() {
    return {kJpeg, kPng, kGif, kTiff, kBigTiff, kWebp, kBmp,        kPbm,
            kPgm,  kPpm, kPnm, kHeic, kAvif,    kJp2,  kJpegStream, kQoi};
}

bool is_among(std::span<const std::string> names, const Format& format) {
    return std::any_of(names.begin(), names.end(),
                       [&format](const auto& name) { return canonical_name(name) == format.name; });
}

std::string list_of(std::span<const std::string> names) {
    std::string list;
    for (const auto& name : names) list.append(list.empty() ? "" : ", ").append(name);
    return list;
}

}  // namespace bw::image
