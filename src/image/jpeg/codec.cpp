#include "codec.hpp"

#include "jpeg.hpp"

namespace bw::image::jpeg {

bool takes(const Task& task) {
    return task.source.name == "jpeg" && task.target.name == "jpeg" && read_header(task.bytes).direct;
}

Extent measure(const Task& task) {
    const Header header = read_header(task.bytes);
    return {.columns = header.columns,
            .rows = header.rows,
            .pixels = std::uint64_t{header.columns} * header.rows,
            .decoding_bytes = header.decoding_bytes};
}

Conversion convert(const Task& task, const Extent&) {
    auto [grey, metadata] = decode(task.bytes, task.checkpoint);
    const std::uint64_t pixels = grey.levels.size();
    Conversion result{.input_pixels = pixels,
                      .output_pixels = pixels,
                      .frames = 1,
                      .columns = grey.columns,
                      .rows = grey.rows,
                      .decode = task.stopwatch.lap()};
    make_monochrome(grey, task.settings.dither, task.checkpoint);
    result.monochrome = task.stopwatch.lap();
    result.bytes = encode(grey, metadata, task.checkpoint);
    result.encode = task.stopwatch.lap();
    return result;
}

}  // namespace bw::image::jpeg
