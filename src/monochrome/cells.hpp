// How levels fall into cells of eight bits and slots of six.
#pragma once

#include "bw/monochrome.hpp"

namespace bw::mono {

constexpr std::size_t kLevels = 65536;

// The nearest of 256 levels: level / 257, rounded.
constexpr unsigned cell(Level level) { return ((level + 128U) - ((level + 128U) >> 8)) >> 8; }

constexpr std::size_t kSlots = 64;
constexpr unsigned slot(Level level) { return cell(level) >> 2; }

}  // namespace bw::mono
