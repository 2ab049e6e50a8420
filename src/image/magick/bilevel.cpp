#include "bilevel.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "../refuse.hpp"

namespace bw::image::magick {
namespace {

static_assert(sizeof(Magick::Quantum) == sizeof(Level), "ImageMagick of 16 bits a level, as Debian has it");

// ImageMagick 6 and 7 have different names for these.
#if MagickLibVersion >= 0x700

void copy_grey(const Magick::Image& frame, const Magick::Quantum* pixel, Level* levels, std::size_t count) {
    const auto* image = frame.constImage();
    const auto channels = MagickCore::GetPixelChannels(image);
    for (std::size_t x = 0; x < count; ++x, pixel += channels) {
        levels[x] = MagickCore::GetPixelRed(image, pixel);
    }
}

void copy_alpha(const Magick::Image& frame, const Magick::Quantum* pixel, Level* levels, std::size_t count) {
    const auto* image = frame.constImage();
    const auto channels = MagickCore::GetPixelChannels(image);
    for (std::size_t x = 0; x < count; ++x, pixel += channels) {
        levels[x] = MagickCore::GetPixelAlpha(image, pixel);
    }
}

void weigh_colours(const Magick::Image& frame, const Magick::Quantum* pixel, Level* levels,
                   std::size_t count) {
    const auto* image = frame.constImage();
    const auto channels = MagickCore::GetPixelChannels(image);
    for (std::size_t x = 0; x < count; ++x, pixel += channels) {
        levels[x] = grey_level(MagickCore::GetPixelRed(image, pixel), MagickCore::GetPixelGreen(image, pixel),
                               MagickCore::GetPixelBlue(image, pixel));
    }
}

void fill(Magick::Image& frame, Magick::Quantum* pixel, const Level* levels, std::size_t count) {
    auto* image = frame.image();
    const auto channels = MagickCore::GetPixelChannels(image);
    for (std::size_t x = 0; x < count; ++x, pixel += channels) {
        MagickCore::SetPixelGray(image, levels[x], pixel);
        MagickCore::SetPixelIndex(image, levels[x] == 0 ? 0 : 1, pixel);
    }
}

bool has_alpha(const Magick::Image& frame) { return frame.alpha(); }

// Makes an image without pixels grey and opaque, with a palette of two colours.
void prepare(MagickCore::Image* image, MagickCore::ExceptionInfo* failure) {
    image->alpha_trait = MagickCore::UndefinedPixelTrait;
    MagickCore::SetImageColorspace(image, MagickCore::GRAYColorspace, failure);
    MagickCore::AcquireImageColormap(image, 2, failure);
}

#else

void copy_grey(const Magick::Image&, const Magick::PixelPacket* pixels, Level* levels, std::size_t count) {
    for (std::size_t x = 0; x < count; ++x) levels[x] = pixels[x].red;
}

void copy_alpha(const Magick::Image&, const Magick::PixelPacket* pixels, Level* levels, std::size_t count) {
    for (std::size_t x = 0; x < count; ++x) levels[x] = pixels[x].opacity;
}

void weigh_colours(const Magick::Image&, const Magick::PixelPacket* pixels, Level* levels,
                   std::size_t count) {
    for (std::size_t x = 0; x < count; ++x)
        levels[x] = grey_level(pixels[x].red, pixels[x].green, pixels[x].blue);
}

constexpr Magick::Quantum kOpaque = 0;

void fill(Magick::Image& frame, Magick::PixelPacket* pixels, const Level* levels, std::size_t count) {
    auto* indexes = frame.getIndexes();
    for (std::size_t x = 0; x < count; ++x) {
        pixels[x] = {levels[x], levels[x], levels[x], kOpaque};
        indexes[x] = levels[x] == 0 ? 0 : 1;
    }
}

bool has_alpha(const Magick::Image& frame) { return frame.matte(); }

// Makes an image without pixels grey and opaque, with a palette of two colours.
void prepare(MagickCore::Image* image, MagickCore::ExceptionInfo*) {
    image->matte = MagickCore::MagickFalse;
    MagickCore::SetImageColorspace(image, MagickCore::GRAYColorspace);
    MagickCore::AcquireImageColormap(image, 2);
}

#endif

// Calls work(first row, rows) for some rows at a time. One call for each row would take a minute for a
// picture of one column.
template <typename Work>
void in_rows(const GreyImage& image, const Checkpoint& checkpoint, const Work& work) {
    constexpr std::size_t kPixelsAtOnce = 1U << 16;
    const std::size_t most = std::max<std::size_t>(1, kPixelsAtOnce / image.columns);
    for (std::size_t y = 0; y < image.rows; y += most) {
        checkpoint();
        work(y, std::min(most, image.rows - y));
    }
}

// A grey picture is taken as it is, everything else as sRGB. ImageMagick 7, which defines kNone, takes a
// picture of linear grey as it is too.
bool is_taken_as_it_is(const Magick::Image& frame, Dither dither) {
    const auto colours = frame.colorSpace();
    return colours == Magick::GRAYColorspace ||
           (colours == MagickCore::LinearGRAYColorspace && dither == Dither::kNone && !has_alpha(frame));
}

GreyImage grey_of(Magick::Image& frame, Dither dither, const Checkpoint& checkpoint) {
    const bool grey = is_taken_as_it_is(frame, dither);
    if (!grey && frame.colorSpace() != Magick::sRGBColorspace) frame.colorSpace(Magick::sRGBColorspace);
    GreyImage image{.columns = frame.columns(), .rows = frame.rows(), .levels = {}};
    if (frame.constImage()->intensity == MagickCore::Rec709LuminancePixelIntensityMethod)
        image.intensity = Intensity::kLuminance;
    image.levels.resize(image.columns * image.rows);
    if (has_alpha(frame)) image.alpha.resize(image.levels.size());
    const auto convert = grey ? copy_grey : weigh_colours;
    in_rows(image, checkpoint, [&](std::size_t y, std::size_t rows) {
        const auto* pixels = frame.getConstPixels(0, static_cast<ssize_t>(y), image.columns, rows);
        // ImageMagick 6 gives a damaged frame of an animated WebP no pixels, and does not say so.
        if (pixels == nullptr) refuse("a frame of the image holds no pixels: it is damaged");
        const std::size_t start = y * image.columns;
        convert(frame, pixels, image.levels.data() + start, rows * image.columns);
        if (!image.alpha.empty()) {
            copy_alpha(frame, pixels, image.alpha.data() + start, rows * image.columns);
        }
    });
    return image;
}

// Takes the pixels out of the frame. They are freed at once, since they take four times the memory of the
// levels.
void empty(Magick::Image& frame) {
    const std::unique_ptr<MagickCore::ExceptionInfo, decltype(&MagickCore::DestroyExceptionInfo)> failure(
        MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo);
    auto* bare = MagickCore::CloneImage(frame.constImage(), frame.columns(), frame.rows(),
                                        MagickCore::MagickTrue, failure.get());
    if (bare != nullptr) {
        frame.replaceImage(bare);
        // The image counts as one pixel meanwhile: each of these steps would open the pixels and copy them,
        // which is a third of the whole time.
        const auto [columns, rows] = std::pair(bare->columns, bare->rows);
        bare->columns = bare->rows = 1;
        prepare(bare, failure.get());
        bare->columns = columns;
        bare->rows = rows;
    }
    // throwException(failure) will not do: on ImageMagick 7 it destroys what it is given.
    if (failure->severity >= MagickCore::ErrorException) {
        Magick::throwExceptionExplicit(failure->severity, failure->reason, failure->description);
    }
}

void drop_colour_profile(Magick::Image& frame) {
    constexpr std::size_t kSpace = 16;  // where an ICC profile names its colour space (ICC.1, 7.2)
    const Magick::Blob profile = frame.iccColorProfile();
    const std::string_view bytes(static_cast<const char*>(profile.data()), profile.length());
    if (!bytes.empty() && !bytes.substr(std::min(kSpace, bytes.size())).starts_with("GRAY")) {
        frame.iccColorProfile(Magick::Blob());
    }
}

}  // namespace

void make_bilevel(Magick::Image& frame, Dither dither, const Checkpoint& checkpoint) {
    GreyImage image = grey_of(frame, dither, checkpoint);
    empty(frame);
    make_monochrome(image, dither, checkpoint);
    in_rows(image, checkpoint, [&](std::size_t y, std::size_t rows) {
        auto* pixels = frame.setPixels(0, static_cast<ssize_t>(y), image.columns, rows);
        fill(frame, pixels, image.levels.data() + y * image.columns, rows * image.columns);
        frame.syncPixels();
    });
    // Without this some encoders of ImageMagick 6 make the frame black and white once more, which is slow.
    frame.image()->type = Magick::BilevelType;
    drop_colour_profile(frame);
}

}  // namespace bw::image::magick
