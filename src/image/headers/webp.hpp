// ImageMagick can tell the size of an animated WebP only after it has decoded all of it. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "../extent.hpp"

namespace bw::image::headers {

// Nothing if it is no animation. Every frame is decoded to the whole canvas.
std::optional<Extent> extent_of_webp_animation(std::string_view bytes);

}  // namespace bw::image::headers
