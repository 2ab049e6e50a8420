// JPEG to JPEG by libjpeg itself, in half the time and a quarter of the memory that ImageMagick takes.
#pragma once

#include "../codec.hpp"

namespace bw::image::jpeg {

// Pictures that are grey or of three colours.
bool takes(const Task& task);
Extent measure(const Task& task);
Conversion convert(const Task& task, const Extent& extent);

}  // namespace bw::image::jpeg
