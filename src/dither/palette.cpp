#include "palette.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

namespace bw::dither {
namespace {

constexpr int kDepth = 8;
constexpr std::size_t kFirstCell = kTreeNodes / 2;
constexpr std::size_t kMostEntries = 2;
constexpr std::size_t kRunsBetweenCheckpoints = 1U << 16;

std::size_t ancestor(unsigned cell, int depth) { return (kFirstCell + cell) >> (kDepth - depth); }

// Twice the level at the centre of a node's interval: an integer.
constexpr std::array<std::int32_t, kTreeNodes> kTwiceCentre = [] {
    std::array<std::int32_t, kTreeNodes> centres{};
    centres[kRoot] = 65535;
    for (std::size_t node = 2; node < kTreeNodes; ++node) {
        const std::int32_t step = 65536 >> (std::bit_width(node) - 1);
        centres[node] = centres[node / 2] + (node % 2 == 1 ? step : -step);
    }
    return centres;
}();

template <typename Visit>
void walk(const auto& nodes, std::size_t node, const Visit& visit) {
    if (node >= kTreeNodes || !nodes[node].exists) return;
    walk(nodes, 2 * node, visit);
    walk(nodes, 2 * node + 1, visit);
    visit(node);
}

// This follows the definition to the letter: errors are summed in doubles and in the order of the pixels, so
// that they are rounded as ImageMagick rounds them.
class Tree {
  public:
    void add(Level level, std::size_t run) {
        const unsigned its_cell = cell(level);
        for (int depth = 1; depth <= kDepth; ++depth) {
            Node& node = nodes_[ancestor(its_cell, depth)];
            node.exists = true;
            const double distance = kScale * (level - 0.5 * kTwiceCentre[ancestor(its_cell, depth)]);
            node.error += static_cast<double>(run) * std::sqrt(3.0 * (distance * distance));
            nodes_[kRoot].error += node.error;
        }
        Node& leaf = nodes_[kFirstCell + its_cell];
        leaf.pixels += run;
        leaf.sum += static_cast<double>(run) * kScale * level;
    }

    // One walk is enough: a threshold that is the third largest error leaves the root and one node.
    Palette prune() {
        if (count_leaves() > kMostEntries) reduce(kRoot, third_largest_error());
        return palette();
    }

  private:
    struct Node {
        bool exists = false;
        double error = 0;
        std::size_t pixels = 0;
        double sum = 0;  // of levels / 65535
    };

    static constexpr double kScale = 1.0 / 65535.0;

    std::size_t count_leaves() const {
        return static_cast<std::size_t>(std::count_if(nodes_.begin() + kFirstCell, nodes_.end(),
                                                      [](const Node& node) { return node.exists; }));
    }

    // Three leaves have more than three nodes above them.
    double third_largest_error() const {
        std::vector<double> errors;
        walk(nodes_, kRoot, [&](std::size_t node) { errors.push_back(nodes_[node].error); });
        std::nth_element(errors.begin(), errors.begin() + 2, errors.end(), std::greater<>());
        return errors[2];
    }

    void reduce(std::size_t id, double threshold) {
        if (id >= kTreeNodes || !nodes_[id].exists) return;
        reduce(2 * id, threshold);
        reduce(2 * id + 1, threshold);
        if (nodes_[id].error <= threshold) merge(id);
    }

    void merge(std::size_t top) {
        walk(nodes_, top, [&](std::size_t node) {
            nodes_[node / 2].pixels += nodes_[node].pixels;
            nodes_[node / 2].sum += nodes_[node].sum;
            nodes_[node] = Node{};
        });
    }

    Palette palette() const {
        Palette palette;
        walk(nodes_, kRoot, [&](std::size_t id) {
            const Node& node = nodes_[id];
            palette.nodes[id].exists = true;
            if (node.pixels == 0) return;
            const double mean = 1.0 / static_cast<double>(node.pixels) * 65535.0 * node.sum;
            palette.nodes[id].entry = static_cast<std::int8_t>(palette.size);
            palette.levels[palette.size++] = static_cast<Level>(std::clamp(mean + 0.5, 0.0, 65535.0));
        });
        return palette;
    }

    std::array<Node, kTreeNodes> nodes_ = [] {
        std::array<Node, kTreeNodes> nodes{};
        nodes[kRoot].exists = true;
        return nodes;
    }();
};

Palette palette_by_runs(const GreyImage& image, std::span<const Level> stretch,
                        const Checkpoint& checkpoint) {
    Tree tree;
    const auto same = [&](std::size_t a, std::size_t b) {
        return stretch[image.levels[a]] == stretch[image.levels[b]] &&
               (image.alpha.empty() || image.alpha[a] == image.alpha[b]);
    };
    std::size_t runs = 0;
    for (std::size_t row = 0; row < image.levels.size(); row += image.columns) {
        for (std::size_t start = row, end = row; start < row + image.columns; start = end) {
            while (++end < row + image.columns && same(start, end)) {
            }
            tree.add(stretch[image.levels[start]], end - start);
            if (++runs % kRunsBetweenCheckpoints == 0) checkpoint();
        }
    }
    return tree.prune();
}

// Errors and sums as integers, from the counts of the levels. They are enough to prune the tree by, unless
// two of them are so close to each other that the rounding of doubles would decide.
struct Totals {
    std::array<std::int64_t, kTreeNodes> error{};  // of twice the distances
    std::array<std::int64_t, kTreeNodes> pixels{};
    std::array<std::int64_t, kTreeNodes> sum{};
};

Totals total(const LevelCounts& counts, std::span<const Level> stretch) {
    Totals totals;
    for (const auto& [grey, pixels] : counts) {
        const std::int64_t count = pixels;
        const Level level = stretch[grey];
        for (std::size_t node = kFirstCell + cell(level); node > kRoot; node /= 2) {
            totals.error[node] += count * std::abs(2 * level - kTwiceCentre[node]);
        }
        totals.pixels[kFirstCell + cell(level)] += count;
        totals.sum[kFirstCell + cell(level)] += count * level;
    }
    for (std::size_t node = kTreeNodes - 1; node > kRoot; --node) {
        totals.pixels[node / 2] += totals.pixels[node];
        totals.sum[node / 2] += totals.sum[node];
    }
    return totals;
}

// The mean, rounded half up; nothing if it is so close to a half that doubles may round it up or down.
std::optional<Level> clear_mean(std::int64_t sum, std::int64_t pixels) {
    const auto count = static_cast<double>(pixels);
    const double margin = 1e-4 + 65535 * count * 0x1p-52;  // as many additions, each off by 2^-53 at most
    const double fraction = static_cast<double>(sum % pixels) / count;
    if (std::abs(fraction - 0.5) < margin) return std::nullopt;
    return static_cast<Level>(sum / pixels + (fraction > 0.5 ? 1 : 0));
}

// The first threshold is the third largest error, so that one walk leaves the root and the node of the
// largest error but the root's: two entries, if that node hangs on the root, else one.
std::optional<Palette> palette_by_totals(const Totals& totals) {
    const auto cells = std::count_if(totals.pixels.begin() + kFirstCell, totals.pixels.end(),
                                     [](std::int64_t pixels) { return pixels > 0; });
    if (static_cast<std::size_t>(cells) <= kMostEntries) return std::nullopt;

    auto errors = totals.error;
    std::nth_element(errors.begin(), errors.begin() + 1, errors.end(), std::greater<>());
    constexpr double kMargin =
        1e-6;  // relative; of a thousand million additions each is off by 2^-53 at most
    if (static_cast<double>(errors[0] - errors[1]) < kMargin * static_cast<double>(errors[0])) {
        return std::nullopt;
    }
    const auto largest = static_cast<std::size_t>(
        std::find(totals.error.begin(), totals.error.end(), errors[0]) - totals.error.begin());
    Palette palette;
    auto left_pixels = totals.pixels[kRoot];
    auto left_sum = totals.sum[kRoot];
    const auto add = [&](std::size_t node, std::int64_t sum, std::int64_t pixels) {
        palette.nodes[node].exists = true;
        if (pixels == 0) return true;
        const auto mean = clear_mean(sum, pixels);
        palette.nodes[node].entry = static_cast<std::int8_t>(palette.size);
        palette.levels[palette.size++] = mean.value_or(0);
        return mean.has_value();
    };
    bool clear = true;
    if (largest / 2 == kRoot) {
        clear = add(largest, totals.sum[largest], totals.pixels[largest]);
        left_pixels -= totals.pixels[largest];
        left_sum -= totals.sum[largest];
    }
    clear = add(kRoot, left_sum, left_pixels) && clear;
    if (!clear) return std::nullopt;
    return palette;
}

}  // namespace

bool Palette::is_white(std::size_t entry) const {
    const bool first = levels[0] > 32767 || (size == 2 && levels[0] > levels[1]);
    return entry == 0 ? first : !first;
}

std::size_t Palette::nearest(Level level) const {
    std::size_t deepest = kRoot;
    for (int bit = kDepth - 1; bit > 0; --bit) {
        const std::size_t child = 2 * deepest + ((cell(level) >> bit) & 1U);
        if (!nodes[child].exists) break;
        deepest = child;
    }
    std::size_t found = 0;
    int least = 2 * static_cast<int>(kLevels);
    walk(nodes, std::max(kRoot, deepest / 2), [&](std::size_t node) {
        if (nodes[node].entry < 0) return;
        const auto entry = static_cast<std::size_t>(nodes[node].entry);
        const int distance = std::abs(levels[entry] - level);
        if (distance > least) return;
        least = distance;
        found = entry;
    });
    return found;
}

bool Palette::by_distance_alone() const {
    // Where nothing is below the root's children, every search starts at the root.
    const auto deeper = [](const Node& node) { return node.exists; };
    return levels[0] != levels[1] && std::none_of(nodes.begin() + 4, nodes.end(), deeper);
}

Palette make_palette(const GreyImage& image, const LevelCounts& counts, std::span<const Level> stretch,
                     const Checkpoint& checkpoint) {
    const auto quick = palette_by_totals(total(counts, stretch));
    return quick ? *quick : palette_by_runs(image, stretch, checkpoint);
}

}  // namespace bw::dither
