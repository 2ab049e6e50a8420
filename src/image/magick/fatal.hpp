// Where ImageMagick cannot go on.
#pragma once

#include <cstdint>
#include <functional>

#include "bw/base/error.hpp"

namespace bw::image::magick {

// While one lives, `fatal` gets what ImageMagick calls fatal: a small piece of memory that it could not have.
// ImageMagick's own handler ends the process. No exception may leave the call instead: ImageMagick's C code
// would be left as it stood, locks held. One at a time; without a function it does nothing.
class FatalErrors {
  public:
    FatalErrors(const std::function<void(const Error&)>& fatal, std::uint64_t max_memory_bytes);
    ~FatalErrors();
    FatalErrors(const FatalErrors&) = delete;
    FatalErrors& operator=(const FatalErrors&) = delete;
};

}  // namespace bw::image::magick
