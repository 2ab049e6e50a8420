// Where ImageMagick cannot go on.
#pragma once

#include <cstdint>
#include <functional>

#include "bw/base/error.hpp"

namespace bw::image::magick {

// While such an object lives, `fatal` is called for what ImageMagick calls fatal: a small piece of memory
// that it could not have. ImageMagick's own handler would end the process. No exception may leave `fatal`: it
// would pass through ImageMagick's C code, which would go on holding its locks. Only one such object may live
// at a time. Without a function it does nothing.
class FatalErrors {
  public:
    FatalErrors(const std::function<void(const Error&)>& fatal, std::uint64_t max_memory_bytes);
    ~FatalErrors();
    FatalErrors(const FatalErrors&) = delete;
    FatalErrors& operator=(const FatalErrors&) = delete;
};

}  // namespace bw::image::magick
