// Colour image in, black and white image out, both as the bytes of a file. The only room that knows Magick++.
#pragma once

#include <string>
#include <string_view>

namespace bw {

// Once per process, before the first image and before other threads start; works on Debian 12's ImageMagick 6
// and Debian 13's 7.
void start_images();

// What `convert IN -monochrome OUT` makes of the bytes of IN. `extension` (".jpg", any case) names the format
// of the result; where it names none that we write, that is the source's own. Animations and multi-page files
// stay what they are if the result's format holds several frames; else the first frame is the result.
// Formats, both ways: JPEG, PNG, GIF, TIFF, WebP, BMP, PNM. Throws Error (kImage) for everything else.
// One thread at a time: the process is the unit of concurrency.
std::string to_monochrome(std::string_view bytes, std::string_view extension);

}  // namespace bw
