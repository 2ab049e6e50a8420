#include "bw/image.hpp"

#include <malloc.h>

#include <new>

#include "ballast.hpp"
#include "bilevel.hpp"
#include "bw/base/clock.hpp"
#include "formats.hpp"
#include "headers.hpp"
#include "jpeg.hpp"
#include "magick.hpp"

namespace bw {
namespace {

using image::Format;
using image::Frames;

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

struct Extent {
    std::size_t frames = 0;
    std::uint64_t columns = 0;  // of the first
    std::uint64_t rows = 0;
    bool too_many_pixels = false;
};

// Without a sum that could overflow: the sizes are whatever a stranger wrote there.
Extent extent_of(const Frames& frames, std::uint64_t max_pixels) {
    Extent extent{frames.size(), frames.front().columns(), frames.front().rows(), false};
    for (const auto& frame : frames) {
        extent.too_many_pixels |= frame.columns() > 0 && frame.rows() > max_pixels / frame.columns();
        if (extent.too_many_pixels) break;
        max_pixels -= std::uint64_t{frame.columns()} * frame.rows();
    }
    return extent;
}

// From what stands in the headers.
Extent measure(std::string_view bytes, const Format& format, const ImageSettings& settings) {
    if (const auto animation = format.name == "webp" ? image::webp_animation(bytes) : std::nullopt) {
        const std::uint64_t canvas = std::uint64_t{animation->columns} * animation->rows;
        return {animation->frames, animation->columns, animation->rows,
                animation->frames > settings.max_pixels / canvas};
    }
    return extent_of(image::ping(bytes, format, settings.max_frames), settings.max_pixels);
}

void refuse_excess(const Extent& extent, const ImageSettings& settings) {
    if (extent.frames > settings.max_frames) {
        image::refuse("the image has more than " + std::to_string(settings.max_frames) +
                      " frames, which is BW_MAX_FRAMES");
    }
    if (extent.too_many_pixels) {
        image::refuse("the image has more than " + std::to_string(settings.max_pixels) +
                      " pixels, which is BW_MAX_PIXELS: " + std::to_string(extent.frames) +
                      (extent.frames == 1 ? " frame of " : " frames, the first of ") +
                      std::to_string(extent.columns) + " x " + std::to_string(extent.rows));
    }
}

void refuse_excess_of_scans(std::string_view jpeg) {
    if (image::count_jpeg_scans(jpeg) > image::kMaxJpegScans) {
        image::refuse("the JPEG has more than " + std::to_string(image::kMaxJpegScans) +
                      " scans, each of which costs as much as the whole picture (no setting allows more)");
    }
}

// JPEG to JPEG by libjpeg itself, in half the time and a quarter of the memory; nothing if it is one for
// ImageMagick.
std::optional<Conversion> convert_directly(std::string_view bytes, const ImageSettings& settings,
                                           const Checkpoint& checkpoint, Stopwatch& stopwatch) {
    const auto header = jpeg::inspect(bytes);
    if (!header.direct) return std::nullopt;
    const bool too_many_pixels = header.rows > settings.max_pixels / header.columns;
    refuse_excess({1, header.columns, header.rows, too_many_pixels}, settings);
    if (header.decoding_bytes > settings.max_memory_bytes) {
        image::refuse("the image takes " + std::to_string(header.decoding_bytes) +
                      " bytes to decode, more than BW_MAX_MEMORY (" +
                      std::to_string(settings.max_memory_bytes) + " bytes)");
    }
    auto [grey, metadata] = jpeg::decode(bytes, checkpoint);
    Conversion result{
        .input_pixels = grey.levels.size(), .output_pixels = grey.levels.size(), .decode = stopwatch.lap()};
    make_monochrome(grey, settings.dither, checkpoint);
    result.monochrome = stopwatch.lap();
    result.bytes = jpeg::encode(grey, metadata, checkpoint);
    result.encode = stopwatch.lap();
    return result;
}

std::uint64_t pixels_of(const Frames& frames) {
    std::uint64_t pixels = 0;
    for (const auto& frame : frames) pixels += std::uint64_t{frame.columns()} * frame.rows();
    return pixels;
}

Conversion convert_frames(std::string_view bytes, const Format& source, const Format& target,
                          const ImageSettings& settings, const std::stop_token& stop,
                          const Checkpoint& checkpoint, Stopwatch& stopwatch) {
    image::limit_magick(settings.max_memory_bytes);
    const Extent extent = measure(bytes, source, settings);
    refuse_excess(extent, settings);
    checkpoint();
    // After every stage: a decoder that was told to stop returns as if nothing had happened.
    try {
        Frames frames = image::decode(bytes, source, settings.max_memory_bytes, stop);
        checkpoint();
        if (frames.size() != extent.frames) {
            image::refuse("the image holds " + std::to_string(extent.frames) + " frames, and " +
                          std::to_string(frames.size()) + " can be decoded");
        }
        Conversion result{.input_pixels = pixels_of(frames), .decode = stopwatch.lap()};
        for (auto& frame : frames) {
            image::make_bilevel(frame, settings.dither, checkpoint);
            checkpoint();
        }
        result.monochrome = stopwatch.lap();
        result.bytes = image::encode(frames, target);
        result.output_pixels = pixels_of(frames);
        checkpoint();
        result.encode = stopwatch.lap();
        return result;
    } catch (const Magick::Exception& cause) {
        checkpoint();
        image::refuse(cause, settings.max_memory_bytes);
    } catch (const Error&) {
        checkpoint();  // a decoder that is told to stop says that the picture is damaged
        throw;
    }
}

}  // namespace

void start_images(const ImageSettings& settings) {
    // Else the memory of every picture is mapped anew and given back: an eighth of the time of a job.
    constexpr int kMappedFrom = 32 << 20;  // glibc's maximum
    constexpr int kKept = 16 << 20;        // of what is free, between jobs
    ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
    ::mallopt(M_TRIM_THRESHOLD, kKept);
    image::start_magick(settings.formats);
}

Conversion to_monochrome(std::string_view bytes, std::string_view extension, const ImageSettings& settings,
                         const std::stop_token& stop, const std::function<void(const Error&)>& fatal) {
    Stopwatch stopwatch;
    const Checkpoint checkpoint = [&stop] {
        if (stop.stop_requested())
            throw Error(ErrorKind::kStopped, "image", "stopped before it was converted");
    };
    const Format source = recognise(bytes, settings);
    const Format target = result_format(extension, source, settings);
    if (source.name == "jpeg") refuse_excess_of_scans(bytes);
    if (const auto excess = image::excess_of_ballast(bytes, source, settings.max_pixels)) {
        image::refuse("the " + std::string(source.coder) + " image " + *excess);
    }
    const image::FatalErrors fatal_errors(fatal, settings.max_memory_bytes);
    try {
        if (source.name == "jpeg" && target.name == "jpeg") {
            if (auto result = convert_directly(bytes, settings, checkpoint, stopwatch))
                return *std::move(result);
        }
        return convert_frames(bytes, source, target, settings, stop, checkpoint, stopwatch);
    } catch (const std::bad_alloc&) {
        image::refuse_as_too_large("no memory is left", settings.max_memory_bytes);
    }
}

}  // namespace bw
