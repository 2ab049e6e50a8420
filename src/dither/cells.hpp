// Levels are sorted into 256 cells and 64 slots, and counted. Long work is divided into parts here.
#pragma once

#include <algorithm>
#include <cfloat>

#include "bw/dither.hpp"

namespace bw::dither {

// The results are defined by doubles that are rounded at every step. x87's registers hold more digits, and
// then pixels differ.
static_assert(FLT_EVAL_METHOD == 0, "compile with SSE2 arithmetic (-msse2 -mfpmath=sse)");

constexpr std::size_t kLevels = 65536;

// The nearest of 256 levels: level / 257, rounded.
constexpr unsigned cell(Level level) { return ((level + 128U) - ((level + 128U) >> 8)) >> 8; }

constexpr std::size_t kSlots = 64;
constexpr unsigned slot(Level level) { return cell(level) >> 2; }
constexpr int first_level(unsigned slot) { return slot == 0 ? 0 : 1028 * static_cast<int>(slot) - 128; }
static_assert([] {
    for (unsigned one = 1; one < kSlots; ++one) {
        const int first = first_level(one);
        if (slot(static_cast<Level>(first)) != one || slot(static_cast<Level>(first - 1)) != one - 1)
            return false;
    }
    return true;
}());

// How many pixels have a level, for the levels that occur, ascending.
struct LevelCount {
    Level level;
    std::uint32_t count;
};
using LevelCounts = std::vector<LevelCount>;

// How many pixels are worked on between two checkpoints, where nothing else divides the work.
constexpr std::size_t kPart = 1U << 20;

template <typename Work>
void in_parts(std::size_t pixels, const Checkpoint& checkpoint, const Work& work) {
    for (std::size_t first = 0; first < pixels; first += kPart) {
        checkpoint();
        work(first, std::min(first + kPart, pixels));
    }
}

}  // namespace bw::dither
