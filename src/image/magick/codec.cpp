#include "codec.hpp"

#include "../headers/headers.hpp"
#include "../refuse.hpp"
#include "bilevel.hpp"
#include "exceptions.hpp"
#include "frames.hpp"
#include "start.hpp"

namespace bw::image::magick {
namespace {

std::uint64_t pixels_of(const Frames& frames) {
    std::uint64_t pixels = 0;
    for (const auto& frame : frames)
        pixels = saturated_sum(pixels, saturated_product(frame.columns(), frame.rows()));
    return pixels;
}

Conversion convert_frames(const Task& task, std::size_t expected_frames) {
    Frames frames =
        decode(task.bytes, task.source, expected_frames, task.settings.max_memory_bytes, task.stop);
    task.checkpoint();
    if (frames.size() != expected_frames) {
        refuse("the image holds " + std::to_string(expected_frames) + " frames, and " +
               (frames.size() > expected_frames ? "more" : std::to_string(frames.size())) +
               " can be decoded");
    }
    Conversion result{.input_pixels = pixels_of(frames), .decode = task.stopwatch.lap()};
    for (auto& frame : frames) {
        make_bilevel(frame, task.settings.dither, task.checkpoint);
        task.checkpoint();
    }
    result.monochrome = task.stopwatch.lap();
    result.bytes = encode(frames, task.target);
    result.output_pixels = pixels_of(frames);
    result.frames = frames.size();
    result.columns = frames.front().columns();
    result.rows = frames.front().rows();
    task.checkpoint();
    result.encode = task.stopwatch.lap();
    return result;
}

}  // namespace

bool takes(const Task&) { return true; }

Extent measure(const Task& task) {
    limit_memory(task.settings.max_memory_bytes);
    if (const auto extent = extent_in_headers(task.bytes, task.source)) return *extent;
    const Frames frames = ping(task.bytes, task.source, task.settings.max_frames);
    return {.frames = frames.size(),
            .columns = frames.front().columns(),
            .rows = frames.front().rows(),
            .pixels = pixels_of(frames)};
}

// A decoder that is told to stop returns as if nothing had happened, or says that the picture is damaged: so
// a checkpoint follows every stage and every failure.
Conversion convert(const Task& task, const Extent& extent) {
    try {
        return convert_frames(task, extent.frames);
    } catch (const Magick::Exception& cause) {
        task.checkpoint();
        refuse_failure(cause, task.settings.max_memory_bytes);
    } catch (const Error&) {
        task.checkpoint();
        throw;
    }
}

}  // namespace bw::image::magick
