// Makes a frame black and white. Works on ImageMagick 6 and 7.
#pragma once

#include <Magick++.h>

#include "bw/dither.hpp"

namespace bw::image::magick {

// The frame keeps its place in an animation, its timing, comments and EXIF; it loses its transparency, and a
// colour profile that is not for grey. Throws what `checkpoint` throws, and Magick::Exception.
void make_bilevel(Magick::Image& frame, Dither dither, const Checkpoint& checkpoint);

}  // namespace bw::image::magick
