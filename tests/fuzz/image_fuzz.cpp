// The bytes of a file go through the whole image room. It refuses them with kind image, or the result is
// black and white and can be read again. The last byte of the input chooses the result's format and the
// dither, so that every picture is an input as it is.
#include <algorithm>
#include <array>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/image.hpp"
#include "check.hpp"
#include "image/formats.hpp"
#include "image/magick/frames.hpp"
#include "image/magick/start.hpp"

namespace bw::fuzz {
namespace {

// These limits are those of a worker, but so low that an input takes milliseconds.
const ImageSettings kSettings{.dither = Dither::kRiemersma,
                              .formats = {"jpeg", "png", "gif", "tiff", "webp", "bmp", "pnm"},
                              .max_pixels = 64 * 1024,
                              .max_frames = 8,
                              .max_memory_bytes = 16U << 20U};

struct Choice {
    const char* extension;
    Dither dither;
};

constexpr std::array<Choice, 13> kChoices{{
    {"", Dither::kRiemersma},
    {".jpg", Dither::kRiemersma},
    {".png", Dither::kRiemersma},
    {".gif", Dither::kRiemersma},
    {".tif", Dither::kRiemersma},
    {".webp", Dither::kRiemersma},
    {".bmp", Dither::kRiemersma},
    {".pbm", Dither::kRiemersma},
    {".pgm", Dither::kNone},
    {"", Dither::kNone},
    {"", Dither::kFloydSteinberg},
    {".jpg", Dither::kNone},
    {".png", Dither::kFloydSteinberg},
}};

bool is_black_and_white(Magick::Image& frame) {
    std::vector<std::uint8_t> levels(frame.columns() * frame.rows());
    frame.write(0, 0, frame.columns(), frame.rows(), "I", Magick::CharPixel, levels.data());
    return std::all_of(levels.begin(), levels.end(), [](auto level) { return level == 0 || level == 255; });
}

void check_result(const std::string& result) {
    const auto format = image::format_of(result);
    require(format && image::is_among(kSettings.formats, *format), "a result is a picture of a known format");
    image::magick::limit_memory(kSettings.max_memory_bytes);
    image::magick::Frames frames;
    try {
        frames = image::magick::decode(result, *format, kSettings.max_frames, kSettings.max_memory_bytes, {});
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    require(!frames.empty(), "a result can be decoded again");
    // JPEG is lossy, and so is the WebP that ImageMagick writes unless it is told otherwise.
    if (format->name == "jpeg" || format->name == "webp") return;
    for (auto& frame : frames) require(is_black_and_white(frame), "a result has nothing but black and white");
}

}  // namespace
}  // namespace bw::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    bw::start_images(bw::fuzz::kSettings);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    const auto& choice = fuzz::kChoices[size == 0 ? 0 : data[size - 1] % fuzz::kChoices.size()];
    ImageSettings settings = fuzz::kSettings;
    settings.dither = choice.dither;
    Conversion result;
    try {
        result = to_monochrome(fuzz::text(data, size), choice.extension, settings, {});
    } catch (const Error& error) {
        fuzz::require(error.kind() == ErrorKind::kImage,
                      "a picture that is refused is an error of kind image");
        return 0;
    }
    fuzz::require(result.output_pixels > 0 && result.output_pixels <= result.input_pixels,
                  "a result has pixels, and no more than its source");
    fuzz::check_result(result.bytes);
    return 0;
}
