#include <algorithm>
#include <memory>
#include <utility>

#include "../headers/headers.hpp"
#include "../refuse.hpp"
#include "exceptions.hpp"
#include "frames.hpp"

namespace bw::image::magick {
namespace {

// ImageMagick 6 keeps what a decoder says with each image too, and Magick++ would throw it at the next step.
void collect_exceptions([[maybe_unused]] MagickCore::Image* images,
                        [[maybe_unused]] MagickCore::ExceptionInfo* exceptions) {
#if MagickLibVersion < 0x700
    for (; images != nullptr; images = MagickCore::GetNextImageInList(images)) {
        MagickCore::InheritException(exceptions, &images->exception);
        MagickCore::ClearMagickException(&images->exception);
    }
#endif
}

MagickCore::MagickBooleanType go_on(const char*, MagickCore::MagickOffsetType, MagickCore::MagickSizeType,
                                    void* stop) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? MagickCore::MagickFalse
                                                                       : MagickCore::MagickTrue;
}

using ImageInfo = std::unique_ptr<MagickCore::ImageInfo, decltype(&MagickCore::DestroyImageInfo)>;

ImageInfo make_image_info(const Format& format) {
    ImageInfo info(MagickCore::AcquireImageInfo(), MagickCore::DestroyImageInfo);
    format.coder.copy(info->magick, sizeof(info->magick) - 1);
    return info;
}

struct Reading {
    std::string_view bytes;
    const Format& format;
    Frames frames = {};
    ExceptionInfo exceptions = make_exception_info();
};

// This uses the C API, whose ExceptionInfo holds everything that was said. Magick++'s own read() throws on
// any warning; told to be quiet, it hides some errors on ImageMagick 6.
Reading read(decltype(&MagickCore::BlobToImage) reader, std::string_view bytes, const Format& format,
             const ImageInfo& info) {
    Reading reading{.bytes = bytes, .format = format};
    auto* images = reader(info.get(), bytes.data(), bytes.size(), reading.exceptions.get());
    collect_exceptions(images, reading.exceptions.get());
    if (images != nullptr) insertImages(&reading.frames, images);
    for (auto& frame : reading.frames) frame.quiet(true);  // else Magick++ throws warnings of later steps
    return reading;
}

// ImageMagick 6 does not say what is wrong with a PNG.
constexpr const char* kNothingSaid = "it is damaged or cut off, or does not fit into BW_MAX_MEMORY";

const MagickCore::ExceptionInfo* failure_of(const Reading& reading) {
    // ImageMagick 7 leaves a page white after such an error, where 6 goes on to the pixels.
    constexpr bool kGoesOn = MagickLibVersion < 0x700;
    return find_failure(*reading.exceptions, [&reading](std::string_view error) {
        return kGoesOn && costs_no_pixel(error, reading.bytes, reading.format);
    });
}

[[noreturn]] void refuse_as_damaged(const Format& format, const std::string& why) {
    refuse("the " + std::string(format.coder) + " image cannot be decoded: " + why);
}

void refuse_damage(const Reading& reading) {
    if (const auto* failure = failure_of(reading)) refuse_as_damaged(reading.format, text_of(*failure));
    const bool whole =
        !reading.frames.empty() && std::all_of(reading.frames.begin(), reading.frames.end(),
                                               [](const Magick::Image& frame) { return frame.isValid(); });
    if (!whole) refuse_as_damaged(reading.format, kNothingSaid);
}

}  // namespace

Frames ping(std::string_view bytes, const Format& format, std::uint64_t max_frames) {
    const auto info = make_image_info(format);
    info->number_scenes = max_frames + 1;
    auto reading = read(MagickCore::PingBlob, bytes, format, info);
    if (const auto* failure = failure_of(reading)) refuse_as_damaged(format, text_of(*failure));
    if (reading.frames.empty()) refuse_as_damaged(format, kNothingSaid);
    return std::move(reading.frames);
}

Frames decode(std::string_view bytes, const Format& format, std::uint64_t max_frames,
              std::uint64_t max_memory_bytes, const std::stop_token& stop) {
    const auto info = make_image_info(format);
    info->number_scenes = max_frames + 1;
    // The frames keep the monitor, so it watches over all that is done with them.
    MagickCore::SetImageInfoProgressMonitor(info.get(), go_on, const_cast<std::stop_token*>(&stop));
    auto reading = read(MagickCore::BlobToImage, bytes, format, info);
    const auto severity = reading.exceptions->severity;
    if (severity == MagickCore::ResourceLimitError || severity == MagickCore::CacheError) {
        refuse_as_too_large(text_of(*reading.exceptions), max_memory_bytes);
    }
    const auto* failure = failure_of(reading);
    if (failure != nullptr && is_about_memory(text_of(*failure))) {
        refuse_as_too_large(text_of(*failure), max_memory_bytes);
    }
    refuse_damage(reading);
    return std::move(reading.frames);
}

}  // namespace bw::image::magick
