// What a decoder only warns about, and what it means for the picture. Pure.
#pragma once

#include <string_view>

namespace bw::image::magick {

// Whether a warning of libjpeg, libpng or libtiff says that pixels are missing or made up; the rest is about
// metadata and habits of encoders, which real files have plenty of. docs/formats.md has the cases.
bool is_damage(std::string_view warning);

}  // namespace bw::image::magick
