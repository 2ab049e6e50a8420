// The picture formats that we know: by the first bytes of a file, and by the extension of a result. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace bw::image {

// ImageMagick's name for the decoder of these bytes; nothing if they are no picture that we know.
std::optional<std::string_view> format_of(std::string_view bytes);

// ImageMagick's name for the encoder that an extension (".jpg", any case) stands for.
std::optional<std::string_view> format_named_by(std::string_view extension);

}  // namespace bw::image
