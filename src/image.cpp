#include "bw/image.hpp"

#include "image/bilevel.hpp"
#include "image/formats.hpp"
#include "image/magick.hpp"

namespace bw {
namespace {

std::string_view recognise(std::string_view bytes) {
    if (bytes.empty()) image::refuse("the image file is empty");
    const auto format = image::format_of(bytes);
    if (!format) image::refuse("the file is no JPEG, PNG, GIF, TIFF, WebP, BMP or PNM image");
    return *format;
}

void make_bilevel(Magick::Image& frame) { image::make_bilevel(frame, Dither::kRiemersma, [] {}); }

}  // namespace

void start_images() { image::start_magick(); }

std::string to_monochrome(std::string_view bytes, std::string_view extension) {
    const auto source_format = recognise(bytes);
    const auto result_format = image::format_named_by(extension).value_or(source_format);
    auto frames = image::decode(bytes, source_format);
    try {
        for (auto& frame : frames) make_bilevel(frame);
        return image::encode(frames, result_format);
    } catch (const Magick::Exception& e) {
        image::refuse(std::string("the image cannot be converted: ") + e.what());
    }
}

}  // namespace bw
