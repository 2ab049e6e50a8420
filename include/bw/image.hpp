// Colour image in, black and white image out, both as the bytes of a file. The bytes may come from strangers:
// the decoder is chosen here, by their first few, and what would cost too much is refused before it is
// decoded. The only room that knows Magick++.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/dither.hpp"

namespace bw {

struct ImageSettings {
    Dither dither = Dither::kRiemersma;
    std::vector<std::string> formats;    // what may be decoded and encoded: "jpeg", "pnm"
    std::uint64_t max_pixels = 0;        // over all frames; fewer than 2^32
    std::uint64_t max_frames = 0;        // or pages
    std::uint64_t max_memory_bytes = 0;  // for ImageMagick's pixels; none of them ever go to a file
};

// Once per process, before the first image and before other threads start; works on Debian 12's ImageMagick 6
// and Debian 13's 7. ImageMagick's own configuration files and MAGICK_ variables lose their say over limits
// and over what may be decoded. Throws Error (kConfiguration) for a format that we do not know or that this
// ImageMagick does not decode.
void start_images(const ImageSettings& settings);

// A picture that was converted, and what that took.
struct Conversion {
    std::string bytes = {};           // the file that it has become
    std::uint64_t input_pixels = 0;   // of all frames that were decoded
    std::uint64_t output_pixels = 0;  // of all frames that were written
    // All of the time: the looks at headers and limits are part of decode.
    std::chrono::microseconds decode{};
    std::chrono::microseconds monochrome{};
    std::chrono::microseconds encode{};
};

// What `convert IN -monochrome OUT` makes of the bytes of IN. `extension` (".jpg", any case) names the format
// of the result; where it names none of settings.formats, that is the source's own. Animations and multi-page
// files stay what they are if the result's format holds several frames; else the first frame is the result.
// Throws Error (kImage) for everything else, damage and too much of anything among it, and some Error soon
// after a stop is requested: within some hundredths of a second, but for the steps of ImageMagick and of
// decoders that nothing can interrupt.
// Where ImageMagick cannot go on, not even out of its own calls, `fatal` gets the Error (kImage) and must not
// return; without it such a picture ends the process with ImageMagick's words.
// One thread at a time: the process is the unit of concurrency.
Conversion to_monochrome(std::string_view bytes, std::string_view extension, const ImageSettings& settings,
                         const std::stop_token& stop, const std::function<void(const Error&)>& fatal = {});

}  // namespace bw
