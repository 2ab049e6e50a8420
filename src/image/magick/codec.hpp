// ImageMagick converts every format that no other codec takes.
#pragma once

#include "../codec.hpp"

namespace bw::image::magick {

bool takes(const Task& task);  // every task
Extent measure(const Task& task);
Conversion convert(const Task& task, const Extent& extent);

}  // namespace bw::image::magick
