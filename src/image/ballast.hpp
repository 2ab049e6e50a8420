// What small files carry beside their pixels to make decoders take memory or time without end, read from the
// structure of a file. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats.hpp"

namespace bw::image {

// Why the file is not to be decoded, in words for the log; nothing if all is within what programs write.
// `max_pixels` bounds a tile too.
std::optional<std::string> excess_of_ballast(std::string_view bytes, const Format& format,
                                             std::uint64_t max_pixels);

}  // namespace bw::image
