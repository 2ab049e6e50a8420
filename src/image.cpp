#include "bw/image.hpp"

#include <Magick++.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <list>
#include <memory>
#include <optional>

#include "bw/error.hpp"

namespace bw {
namespace {

using Frames = std::list<Magick::Image>;

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorKind::kImage, "image", what); }

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

std::string_view format_of(std::string_view bytes) {
    const auto* found = std::find_if(kSignatures.begin(), kSignatures.end(), [bytes](const Signature& one) {
        return bytes.size() > one.offset && bytes.substr(one.offset).starts_with(one.bytes);
    });
    if (bytes.empty()) refuse("the image file is empty");
    if (found == kSignatures.end()) refuse("the file is no JPEG, PNG, GIF, TIFF, WebP, BMP or PNM image");
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

// Through the C API, whose ExceptionInfo shows the severity: warnings, which real files raise all the time,
// come with an image and are let pass. Magick++'s own read() throws on them and, told to be quiet, hides some
// errors on ImageMagick 6.
Frames decode(std::string_view bytes, std::string_view format) {
    const std::unique_ptr<MagickCore::ExceptionInfo, decltype(&MagickCore::DestroyExceptionInfo)> exception(
        MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo);
    const std::unique_ptr<MagickCore::ImageInfo, decltype(&MagickCore::DestroyImageInfo)> info(
        MagickCore::AcquireImageInfo(), MagickCore::DestroyImageInfo);
    format.copy(info->magick, sizeof(info->magick) - 1);

    Frames frames;
    auto* images = MagickCore::BlobToImage(info.get(), bytes.data(), bytes.size(), exception.get());
    if (images != nullptr) insertImages(&frames, images);
    // ImageMagick 6 keeps a decoder's warning with the image, and Magick++ would throw it at the next step.
    for (auto& frame : frames) frame.quiet(true);
    const bool damaged = exception->severity >= MagickCore::ErrorException || frames.empty();
    if (damaged) {
        std::string reason = exception->reason != nullptr ? exception->reason : "no image in it";
        refuse("the " + std::string(format) + " image cannot be decoded: " + reason);
    }
    return frames;
}

std::string encode(Frames& frames, std::string_view format) {
    for (auto& frame : frames) frame.magick(std::string(format));
    Magick::Blob blob;
    const Magick::CoderInfo coder{std::string(format)};
    if (frames.size() > 1 && coder.isMultiFrame()) {
        writeImages(frames.begin(), frames.end(), &blob);
    } else {
        frames.front().write(&blob);
    }
    if (blob.length() == 0) refuse("the " + std::string(format) + " encoder wrote nothing");
    return {static_cast<const char*>(blob.data()), blob.length()};
}

}  // namespace

void start_images() {
    Magick::InitializeMagick(nullptr);
    // Threads gain next to nothing within an image; one worker a core uses the cores better.
    Magick::ResourceLimits::thread(1);
}

std::string to_monochrome(std::string_view bytes, std::string_view extension) {
    const auto source_format = format_of(bytes);
    Frames frames = decode(bytes, source_format);
    try {
        for (auto& frame : frames) frame.type(Magick::BilevelType);
        return encode(frames, format_named_by(extension).value_or(source_format));
    } catch (const Magick::Exception& e) {
        refuse(std::string("the image cannot be converted: ") + e.what());
    }
}

}  // namespace bw
