// The two greys (or the one) that the Riemersma dither paints a picture with, found by pruning a binary tree.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>

#include "cells.hpp"

namespace bw::dither {

// Nodes in heap order: the root is 1, the children of n are 2n and 2n + 1, the cells 256 to 511.
constexpr std::size_t kRoot = 1;
constexpr std::size_t kTreeNodes = 512;

class Palette {
  public:
    // The pruned tree, and the mean level of each of its nodes that holds pixels.
    struct Node {
        bool exists = false;
        std::int8_t entry = -1;
    };
    std::array<Node, kTreeNodes> nodes{};
    std::array<Level, 2> levels{};  // by entry, in the order of a walk: children first
    std::size_t size = 0;

    bool is_white(std::size_t entry) const;
    // The entry that stands for a level: the nearer of those below the parent of the deepest node on its way.
    std::size_t nearest(Level level) const;
    // Whether nearest() is a matter of distance alone.
    bool by_distance_alone() const;
};

// `stretch` has, by level, what each is stretched to.
Palette make_palette(const GreyImage& image, const LevelCounts& counts, std::span<const Level> stretch,
                     const Checkpoint& checkpoint);

}  // namespace bw::dither
