// The formats of pictures that we know, by the first bytes of a file and by the extension of a result. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bw::image {

struct Format {
    std::string_view name;   // as in BW_FORMATS: "tiff"
    std::string_view coder;  // ImageMagick's name for one kind of it: "TIFF64"
};

// Nothing if the bytes are no picture that we know.
std::optional<Format> format_of(std::string_view bytes);

// The format that an extension (".jpg", any case) stands for.
std::optional<Format> format_named_by(std::string_view extension);

// Every kind of every format.
std::vector<Format> all_formats();

// The name of the format that BW_FORMATS calls so, in any case: an extension of its files without the point
// ("jpg", "tif") does too. What is no name of a format comes back in lower case.
std::string canonical_name(std::string_view name);

// Whether the names, canonical or not, have that of the format.
bool is_among(std::span<const std::string> names, const Format& format);

// "jpeg, png"
std::string list_of(std::span<const std::string> names);

}  // namespace bw::image
