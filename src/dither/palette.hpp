// The Riemersma dither paints a picture with two greys, or with one. They are found by pruning a binary tree.
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
    // The entry that stands for a level. The level's bits lead down the tree as far as there are nodes; of
    // the entries below the parent of the last node it is the nearest.
    std::size_t nearest(Level level) const;
    // Whether nearest() always returns the entry with the smallest distance.
    bool by_distance_alone() const;
};

// `stretch` says what each level is stretched to; its index is the level.
Palette make_palette(const GreyImage& image, const LevelCounts& counts, std::span<const Level> stretch,
                     const Checkpoint& checkpoint);

}  // namespace bw::dither
