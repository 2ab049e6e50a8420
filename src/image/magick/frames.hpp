// Bytes to frames and back by ImageMagick. Works on Debian 12's ImageMagick 6 and Debian 13's 7. One thread
// at a time; every failure is an Error (kImage).
#pragma once

#include <Magick++.h>

#include <cstdint>
#include <list>
#include <stop_token>
#include <string>
#include <string_view>

#include "../formats.hpp"

namespace bw::image::magick {

using Frames = std::list<Magick::Image>;

// The frames with their sizes and without pixels, at least one; no more than one over `max_frames`. Under a
// millisecond for ordinary files, except for animated WebP, which it decodes.
Frames ping(std::string_view bytes, const Format& format, std::uint64_t max_frames);

// All frames, at least one; no more than one over `max_frames`, since a ping may have seen fewer than the
// decoder meets. What comes after a stop is requested is worth nothing.
Frames decode(std::string_view bytes, const Format& format, std::uint64_t max_frames,
              std::uint64_t max_memory_bytes, const std::stop_token& stop);

// The file's bytes. Where the format holds only one frame, those after the first are dropped from `frames`.
// May throw Magick::Exception too.
std::string encode(Frames& frames, const Format& format);

}  // namespace bw::image::magick
