// ImageMagick's start and its limits.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bw::image::magick {

// Once per process. From then on nothing but the coders of these formats runs, whatever the configuration
// files of this machine and its user say. Throws Error (kConfiguration) where one is not known or cannot be
// decoded.
void start(std::span<const std::string> formats);

// How many bytes pixels may take; none of them ever go to a file.
void limit_memory(std::uint64_t max_memory_bytes);

}  // namespace bw::image::magick
