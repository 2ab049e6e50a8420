#include <array>

#include "codec.hpp"
#include "jpeg/codec.hpp"
#include "magick/codec.hpp"

namespace bw::image {

std::span<const Codec> codecs() {
    static constexpr std::array kCodecs{
        Codec{.takes = jpeg::takes, .measure = jpeg::measure, .convert = jpeg::convert},
        Codec{.takes = magick::takes, .measure = magick::measure, .convert = magick::convert},
    };
    return kCodecs;
}

}  // namespace bw::image
