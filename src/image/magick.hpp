// ImageMagick for the image room: bytes to frames and back. Works on Debian 12's ImageMagick 6 and Debian
// 13's
// 7. One thread at a time; every failure is an Error (kImage).
#pragma once

#include <Magick++.h>

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "bw/base/error.hpp"
#include "formats.hpp"

namespace bw::image {

using Frames = std::list<Magick::Image>;

// Throws Error (kImage), which is what a picture gets that we do not convert.
[[noreturn]] void refuse(const std::string& what);

// What does not fit into the memory that there is for pixels or for the process.
[[noreturn]] void refuse_as_too_large(const std::string& what, std::uint64_t max_memory_bytes);

// While one lives, `fatal` gets what ImageMagick calls fatal: a small piece of memory that it could not have.
// Its own handler ends the process. No exception may leave the call instead: its C code would be left as it
// stood, locks held. One at a time; without a function it does nothing.
class FatalErrors {
  public:
    FatalErrors(const std::function<void(const Error&)>& fatal, std::uint64_t max_memory_bytes);
    ~FatalErrors();
    FatalErrors(const FatalErrors&) = delete;
    FatalErrors& operator=(const FatalErrors&) = delete;

  private:
    MagickCore::FatalErrorHandler before_ = nullptr;
};

// What a Magick::Exception of a later step means.
[[noreturn]] void refuse(const Magick::Exception& cause, std::uint64_t max_memory_bytes);

// Once per process. From then on nothing but the coders of these formats runs, whatever the configuration
// files of this machine and its user say. Throws Error (kConfiguration) where one is not known or cannot be
// decoded.
void start_magick(std::span<const std::string> formats);

// The bytes that pixels may take; none of them ever go to a file.
void limit_magick(std::uint64_t max_memory_bytes);

// The frames with their sizes and without pixels, at least one; no more than one over `max_frames`. Under a
// millisecond for ordinary files, except for animated WebP, which it decodes.
Frames ping(std::string_view bytes, const Format& format, std::uint64_t max_frames);

// All frames, at least one. What comes after a stop is requested is worth nothing.
Frames decode(std::string_view bytes, const Format& format, std::uint64_t max_memory_bytes,
              const std::stop_token& stop);

// The file's bytes. Where the format holds only one frame, those after the first are dropped from `frames`.
// May throw Magick::Exception too.
std::string encode(Frames& frames, const Format& format);

}  // namespace bw::image
