// How large a picture is by its headers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace bw::image {

struct Extent {
    std::size_t frames = 1;
    std::uint64_t columns = 0;         // of the first frame
    std::uint64_t rows = 0;            // of the first frame
    std::uint64_t pixels = 0;          // of all frames; the largest number where their sum does not fit
    std::uint64_t decoding_bytes = 0;  // what the decoder takes; 0 where it keeps to the limit by itself
};

// Sizes are whatever a stranger wrote there: a result that does not fit becomes the largest number.
constexpr std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}
constexpr std::uint64_t saturated_product(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::uint64_t>::max() : product;
}

}  // namespace bw::image
