// A colour image becomes a black and white one; both are the bytes of a file. The bytes may come from
// strangers: this room chooses the decoder by the first few of them, and refuses what would cost too much
// before it decodes anything. No other room knows Magick++ or libjpeg.
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
    std::vector<std::string> formats;    // what may be decoded and encoded: "jpeg", "pnm"; "jpg" will do too
    std::uint64_t max_pixels = 0;        // over all frames; fewer than 2^32
    std::uint64_t max_frames = 0;        // frames of an animation, pages of a file
    std::uint64_t max_memory_bytes = 0;  // for pixels; they never go to a file
};

// Call it once per process, before the first image and before other threads start. It works on Debian 12's
// ImageMagick 6 and Debian 13's 7. Afterwards ImageMagick's own configuration files and the MAGICK_ variables
// have no say over limits and over what may be decoded. Throws Error (kConfiguration) for a format that we do
// not know or that this ImageMagick does not decode.
void start_images(const ImageSettings& settings);

// A picture that was converted, and what that took.
struct Conversion {
    std::string bytes = {};           // the file that it has become
    std::uint64_t input_pixels = 0;   // of all frames that were decoded
    std::uint64_t output_pixels = 0;  // of all frames that were written
    std::uint64_t frames = 0;         // that were written; the size of the first:
    std::uint64_t columns = 0;
    std::uint64_t rows = 0;
    // The three stages together are the whole time; reading the headers and comparing them with the limits is
    // part of decode.
    std::chrono::microseconds decode{};
    std::chrono::microseconds monochrome{};
    std::chrono::microseconds encode{};
};

// Returns what `convert IN -monochrome OUT` makes of the bytes of IN. `extension` (".jpg", in any case) names
// the format of the result; where it names none of settings.formats, the result has the source's format.
// Animations and files of several pages stay what they are if the result's format holds several frames; else
// the first frame is the result. Throws Error (kImage) for every picture that is not converted: for damage,
// an unknown format, and too much of anything. After a stop is requested it throws some Error within
// hundredths of a second, except in the steps of ImageMagick and of decoders that nothing can interrupt.
// Where ImageMagick can neither go on nor return from a call, `fatal` gets the Error (kImage) and must not
// return; without `fatal` such a picture ends the process with ImageMagick's words. Only one thread may be in
// here at a time: the process is the unit of concurrency.
Conversion to_monochrome(std::string_view bytes, std::string_view extension, const ImageSettings& settings,
                         const std::stop_token& stop, const std::function<void(const Error&)>& fatal = {});

}  // namespace bw
