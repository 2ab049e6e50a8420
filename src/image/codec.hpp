// A codec converts some kinds of pictures: bytes in, black and white bytes out. codecs.cpp has the table of
// all codecs. A new one is a folder here, with the three functions of a row, and its row.
#pragma once

#include <span>
#include <stop_token>
#include <string_view>

#include "bw/base/clock.hpp"
#include "bw/image.hpp"
#include "extent.hpp"
#include "formats.hpp"

namespace bw::image {

// One picture on its way. The references live as long as the call of to_monochrome().
struct Task {
    std::string_view bytes;
    Format source;
    Format target;
    const ImageSettings& settings;
    const std::stop_token& stop;
    const Checkpoint& checkpoint;  // throws Error (kStopped) after a stop is requested
    Stopwatch& stopwatch;          // its laps are the stages of the conversion
};

// All functions throw Error (kImage) for a picture that cannot be converted.
struct Codec {
    // Whether this codec converts a picture of the task's source format into one of its target format. Reads
    // headers only.
    bool (*takes)(const Task& task);
    // Reads headers only: the caller compares the answer with the limits before anything is decoded.
    Extent (*measure)(const Task& task);
    Conversion (*convert)(const Task& task, const Extent& extent);
};

// In the order in which they are asked: the first one that takes a picture converts it, and the last one
// takes all.
std::span<const Codec> codecs();

}  // namespace bw::image
