#include "damage.hpp"

#include <algorithm>
#include <array>

namespace bw::image::magick {

bool is_damage(std::string_view warning) {
    static constexpr std::array<std::string_view, 4> kDamage{
        // libjpeg never fails because of the pixels: it warns, and paints the rest grey. The list of its
        // warnings is closed.
        "Premature end of JPEG file", "Corrupt JPEG data: ", "Inconsistent progression sequence",
        // libpng fails for every other chunk that matters. For this one ImageMagick 6 fails, and 7 warns.
        "IEND: CRC error"};
    static constexpr std::array<std::string_view, 2> kHarmless{
        " extraneous bytes before marker",  // padding between segments, which some cameras write
        "bad ICC marker"};
    const auto says = [warning](std::string_view text) { return warning.find(text) != warning.npos; };
    return std::any_of(kDamage.begin(), kDamage.end(), says) &&
           std::none_of(kHarmless.begin(), kHarmless.end(), says);
}

}  // namespace bw::image::magick
