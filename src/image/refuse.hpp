// How every file of this room says no to a picture.
#pragma once

#include <cstdint>
#include <string>

#include "bw/base/error.hpp"

namespace bw::image {

// Throws Error (kImage): this picture is not converted, and `what` says why.
[[noreturn]] void refuse(const std::string& what);

// Throws the same for a picture that needs more memory than there is for pixels or for the process.
[[noreturn]] void refuse_as_too_large(const std::string& what, std::uint64_t max_memory_bytes);

// The error of refuse_as_too_large(), for where nothing may be thrown.
Error too_large(const std::string& what, std::uint64_t max_memory_bytes);

}  // namespace bw::image
