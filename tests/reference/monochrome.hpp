// The definition of docs/monochrome.md written down as plainly as possible, with no trick of speed: what the
// product's kernel is held against. Pure; any thread.
#pragma once

#include "bw/dither.hpp"

namespace bw::reference {

Level grey_level(Level red, Level green, Level blue);

// Does what bw::make_monochrome does, slowly.
void make_monochrome(GreyImage& image, Dither dither);

}  // namespace bw::reference
