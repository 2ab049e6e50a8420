// What the warnings of a decoder mean for the picture. Pure.
#pragma once

#include <string_view>

namespace bw::image::magick {

// Whether a warning of libjpeg, libpng or libtiff says that pixels are missing or made up. All other warnings
// are about metadata and about habits of encoders, and real files raise many of them. docs/formats.md has the
// cases.
bool is_damage(std::string_view warning);

}  // namespace bw::image::magick
