// The numbers in a file's headers. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace bw::image::headers {

// The file may end anywhere: beyond its end there are zeros.
struct Reader {
    std::string_view bytes;
    bool big_endian = false;

    std::uint64_t number(std::uint64_t at, unsigned size) const {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i) {
            const std::uint64_t here = at + (big_endian ? i : size - 1 - i);
            value = value << 8 | (here < bytes.size() ? static_cast<unsigned char>(bytes[here]) : 0U);
        }
        return value;
    }
};

}  // namespace bw::image::headers
