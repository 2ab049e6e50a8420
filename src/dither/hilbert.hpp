// The order in which the Riemersma dither visits a picture: a Hilbert curve over a square of a power of two,
// from the top left pixel; what of it lies outside the picture is passed over.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bw::dither {

// kDown is the curve that goes from (0, 0) down, right, and up to (1, 0). The other orientations are that
// curve mirrored at the diagonal (kSwapped), turned by half a turn (kTurned), or both.
enum Orientation : unsigned { kDown = 0, kSwapped = 1, kTurned = 2 };

struct Position {
    std::uint8_t x, y;
};

// The quadrant that comes as number `step` (0 to 3) in a square, and its own orientation.
constexpr Position quadrant(unsigned orientation, unsigned step) {
    Position position{static_cast<std::uint8_t>(step >> 1),
                      static_cast<std::uint8_t>(step == 1 || step == 2)};
    if (orientation & kSwapped) position = {position.y, position.x};
    if (orientation & kTurned) {
        position = {static_cast<std::uint8_t>(1 - position.x), static_cast<std::uint8_t>(1 - position.y)};
    }
    return position;
}

constexpr unsigned orientation_within(unsigned orientation, unsigned step) {
    if (step == 0) return orientation ^ kSwapped;
    return step == 3 ? orientation ^ (kSwapped | kTurned) : orientation;
}

class HilbertCurve {
  public:
    static constexpr std::size_t kBlock = 256;  // 16 x 16 pixels, visited by a table

    HilbertCurve(std::size_t columns, std::size_t rows) : columns_(columns), rows_(rows) {
        for (unsigned orientation = 0; orientation < 4; ++orientation) {
            for (std::size_t i = 0; i < kBlock; ++i) {
                const Position position = kPositions[orientation][i];
                offsets_[orientation][i] = static_cast<std::uint32_t>(position.y * columns + position.x);
            }
        }
    }

    // Calls visit(start, offsets) for each block of at most kBlock pixels: start + offset is a pixel's row
    // times the columns plus its column.
    template <typename Visit>
    void walk(const Visit& visit) const {
        // ImageMagick's square has as its side the power of two that is greater than the longer side of the
        // picture. A curve that is smaller than a block is the beginning of a block's curve; of that the
        // first quadrants are swapped in turn.
        const auto wanted = static_cast<unsigned>(std::bit_width(std::max(columns_, rows_)));
        const unsigned size = std::max(wanted, kBlockSize);
        square(size, 0, 0, (size - wanted) % 2 == 0 ? kDown : kSwapped, visit);
    }

  private:
    static constexpr unsigned kBlockSize = 4;  // as a power of two

    static constexpr auto kPositions = [] {
        std::array<std::array<Position, kBlock>, 4> positions{};
        for (unsigned start = 0; start < 4; ++start) {
            for (unsigned i = 0; i < kBlock; ++i) {
                unsigned orientation = start;
                Position position{0, 0};
                for (unsigned size = kBlockSize; size-- > 0;) {
                    const unsigned step = (i >> (2 * size)) & 3U;
                    const Position part = quadrant(orientation, step);
                    position = {static_cast<std::uint8_t>(2 * position.x + part.x),
                                static_cast<std::uint8_t>(2 * position.y + part.y)};
                    orientation = orientation_within(orientation, step);
                }
                positions[start][i] = position;
            }
        }
        return positions;
    }();

    template <typename Visit>
    void square(unsigned size, std::size_t x, std::size_t y, unsigned orientation, const Visit& visit) const {
        if (x >= columns_ || y >= rows_) return;
        if (size == kBlockSize) return block(x, y, orientation, visit);
        const std::size_t half = std::size_t{1} << (size - 1);
        for (unsigned step = 0; step < 4; ++step) {
            const Position part = quadrant(orientation, step);
            square(size - 1, x + part.x * half, y + part.y * half, orientation_within(orientation, step),
                   visit);
        }
    }

    template <typename Visit>
    void block(std::size_t x, std::size_t y, unsigned orientation, const Visit& visit) const {
        const std::size_t start = y * columns_ + x;
        const auto& offsets = offsets_[orientation];
        if (x + 16 <= columns_ && y + 16 <= rows_) return visit(start, std::span(offsets));
        std::array<std::uint32_t, kBlock> inside;
        std::size_t count = 0;
        for (std::size_t i = 0; i < kBlock; ++i) {
            const Position position = kPositions[orientation][i];
            inside[count] = offsets[i];
            count += x + position.x < columns_ && y + position.y < rows_ ? 1 : 0;
        }
        visit(start, std::span(inside).first(count));
    }

    const std::size_t columns_;
    const std::size_t rows_;
    std::array<std::array<std::uint32_t, kBlock>, 4> offsets_;
};

}  // namespace bw::dither
