// ImageMagick for the image room: bytes to frames and back. Works on Debian 12's ImageMagick 6 and Debian
// 13's 7. One thread at a time.
#pragma once

#include <Magick++.h>

#include <list>
#include <string>
#include <string_view>

namespace bw::image {

using Frames = std::list<Magick::Image>;

// Throws Error (kImage), which is what a picture gets that we do not convert.
[[noreturn]] void refuse(const std::string& what);

// Once per process.
void start_magick();

// All frames, at least one. `format` is ImageMagick's name for the decoder. Throws Error (kImage).
Frames decode(std::string_view bytes, std::string_view format);

// The file's bytes; of several frames the first if the format holds only one. Throws Error (kImage) or
// Magick::Exception.
std::string encode(Frames& frames, std::string_view format);

}  // namespace bw::image
