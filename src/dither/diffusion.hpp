// The Riemersma dither's walk over the picture.
#pragma once

#include <span>

#include "palette.hpp"

namespace bw::dither {

// Every level becomes 0 or 65535: it is stretched first, and takes one of the palette's two entries.
void diffuse(GreyImage& image, std::span<const Level> stretch, const Palette& palette,
             const Checkpoint& checkpoint);

}  // namespace bw::dither
