#include "bw/image.hpp"

#include <malloc.h>

#include <algorithm>
#include <new>

#include "codec.hpp"
#include "headers/headers.hpp"
#include "magick/fatal.hpp"
#include "magick/start.hpp"
#include "refuse.hpp"

namespace bw {
namespace {

using image::Codec;
using image::Extent;
using image::Format;
using image::Task;

Format recognise(std::string_view bytes, const ImageSettings& settings) {
    if (bytes.empty()) image::refuse("the image file is empty");
    const auto format = image::format_of(bytes);
    if (format && image::is_among(settings.formats, *format)) return *format;
    const std::string allowed = "none of BW_FORMATS (" + image::list_of(settings.formats) + ")";
    if (!format) image::refuse("the file begins like " + allowed);
    image::refuse("the image is a " + std::string(format->name) + ", " + allowed);
}

Format result_format(std::string_view extension, const Format& source, const ImageSettings& settings) {
    const auto named = image::format_named_by(extension);
    return named && image::is_among(settings.formats, *named) ? *named : source;
}

void refuse_excess(const Extent& extent, const ImageSettings& settings) {
    if (extent.frames > settings.max_frames) {
        image::refuse("the image has more than " + std::to_string(settings.max_frames) +
                      " frames, which is BW_MAX_FRAMES");
    }
    if (extent.pixels > settings.max_pixels) {
        image::refuse("the image has more than " + std::to_string(settings.max_pixels) +
                      " pixels, which is BW_MAX_PIXELS: " + std::to_string(extent.frames) +
                      (extent.frames == 1 ? " frame of " : " frames, the first of ") +
                      std::to_string(extent.columns) + " x " + std::to_string(extent.rows));
    }
    if (extent.decoding_bytes > settings.max_memory_bytes) {
        image::refuse("the image takes " + std::to_string(extent.decoding_bytes) +
                      " bytes to decode, more than BW_MAX_MEMORY (" +
                      std::to_string(settings.max_memory_bytes) + " bytes)");
    }
}

Conversion convert(const Task& task) {
    const auto takes = [&task](const Codec& codec) { return codec.takes(task); };
    const auto codecs = image::codecs();
    const auto codec = std::find_if(codecs.begin(), codecs.end(), takes);
    const Extent extent = codec->measure(task);
    refuse_excess(extent, task.settings);
    task.checkpoint();
    return codec->convert(task, extent);
}

}  // namespace

void start_images(const ImageSettings& settings) {
    // Without this the memory of every picture is mapped anew and given back, which takes an eighth of the
    // time of a job.
    constexpr int kMappedFrom = 32 << 20;  // glibc's maximum
    constexpr int kKept = 16 << 20;        // of what is free, between jobs
    ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
    ::mallopt(M_TRIM_THRESHOLD, kKept);
    image::magick::start(settings.formats);
}

Conversion to_monochrome(std::string_view bytes, std::string_view extension, const ImageSettings& settings,
                         const std::stop_token& stop, const std::function<void(const Error&)>& fatal) {
    Stopwatch stopwatch;
    const Checkpoint checkpoint = [&stop] {
        if (stop.stop_requested())
            throw Error(ErrorKind::kStopped, "image", "stopped before it was converted");
    };
    const Format source = recognise(bytes, settings);
    if (const auto excess = image::excess_in_headers(bytes, source, settings.max_pixels)) {
        image::refuse("the " + std::string(source.coder) + " image " + *excess);
    }
    const image::magick::FatalErrors fatal_errors(fatal, settings.max_memory_bytes);
    try {
        return convert({.bytes = bytes,
                        .source = source,
                        .target = result_format(extension, source, settings),
                        .settings = settings,
                        .stop = stop,
                        .checkpoint = checkpoint,
                        .stopwatch = stopwatch});
    } catch (const std::bad_alloc&) {
        image::refuse_as_too_large("no memory is left", settings.max_memory_bytes);
    }
}

}  // namespace bw
