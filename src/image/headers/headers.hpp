// What we read of a file's structure ourselves, at the speed of memory, before any decoder sees it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "../extent.hpp"
#include "../formats.hpp"

namespace bw::image {

// Why the file is not to be decoded, in words for the log; nothing if all is within what programs write.
// Small files can carry things beside their pixels that make a decoder take memory or time without end.
// `max_pixels` also bounds a TIFF's tile.
std::optional<std::string> excess_in_headers(std::string_view bytes, const Format& format,
                                             std::uint64_t max_pixels);

// The size of a picture of which a decoder's library does not tell it without decoding; nothing for all
// others.
std::optional<Extent> extent_in_headers(std::string_view bytes, const Format& format);

// Whether an error of the format's library is about metadata alone, though in the same words it could be
// about pixels.
bool costs_no_pixel(std::string_view error, std::string_view bytes, const Format& format);

}  // namespace bw::image
