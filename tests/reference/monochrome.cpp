#include "reference/monochrome.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

namespace bw::reference {
namespace {

constexpr double kWhite = 65535;
constexpr double kHalf = kWhite / 2;
constexpr std::size_t kLevels = 65536;

Level rounded(double level) {
    if (level <= 0) return 0;
    if (level >= kWhite) return 65535;
    return static_cast<Level>(level + 0.5);
}

unsigned eight_bits(Level level) {
    const unsigned up = level + 128U;
    return (up - (up >> 8)) >> 8;
}

// The light that a level of sRGB stands for, as a level.
Level luminance(Level level) {
    const double encoded = level / kWhite;
    if (encoded <= 0.0404482362771076) return rounded(kWhite * (encoded / 12.92));
    return rounded(kWhite * std::pow((encoded + 0.055) / 1.055, 2.4));
}

// What the limits of a picture are measured by.
std::vector<Level> measured(const GreyImage& image) {
    std::vector<Level> levels = image.levels;
    if (image.intensity == Intensity::kLuminance) {
        for (Level& level : levels) level = luminance(level);
    }
    return levels;
}

// Normalise.

struct Edges {
    std::size_t black = 0;
    std::size_t white = 0;
};

// The lowest level at which the count from below is over `below`, the highest at which that from above is
// over `above`.
Edges edges(const std::vector<Level>& levels, double below, double above) {
    std::vector<double> histogram(kLevels);
    for (const Level level : levels) histogram[level] += 1;
    Edges edges;
    double count = histogram[0];
    while (count <= below) count += histogram[++edges.black];
    edges.white = kLevels - 1;
    count = histogram[edges.white];
    while (count <= above && edges.white > 0) count += histogram[--edges.white];
    return edges;
}

template <typename Stretch>
void normalise(std::vector<Level>& levels, Edges edges, Stretch stretch) {
    if (edges.black == edges.white) return;
    const auto black = static_cast<double>(edges.black);
    const auto white = static_cast<double>(edges.white);
    for (Level& level : levels) {
        if (level < edges.black) {
            level = 0;
        } else if (level > edges.white) {
            level = 65535;
        } else {
            level = rounded(stretch(level - black, white - black));
        }
    }
}

// The palette.

struct Node {
    Node* parent = nullptr;  // the root's is itself
    std::array<std::unique_ptr<Node>, 2> children;
    double error = 0;
    double sum = 0;
    double pixels = 0;
    std::size_t entry = 0;  // in the palette, of a node that holds pixels
};

class Tree {
  public:
    Tree() { root_.parent = &root_; }

    void add(Level level, double pixels) {
        const unsigned bits = eight_bits(level);
        Node* node = &root_;
        double centre = kHalf;
        for (int depth = 1; depth <= 8; ++depth) {
            const bool bit = (bits >> (8 - depth) & 1U) != 0;
            centre += (bit ? 32768.0 : -32768.0) / (1 << depth);
            node = child(*node, bit, depth);
            const double distance = kScale * (level - centre);
            node->error += pixels * std::sqrt(3 * (distance * distance));
            root_.error += node->error;
        }
        node->pixels += pixels;
        node->sum += pixels * kScale * level;
    }

    void prune_to_two_colours() {
        double next = colours_ > 2 ? first_threshold() : 0;
        while (colours_ > 2) {
            const double threshold = next;
            next = root_.error - 1;
            colours_ = 0;
            prune(root_, threshold, next);
        }
    }

    std::vector<Level> palette() {
        std::vector<Level> palette;
        add_to_palette(root_, palette);
        return palette;
    }

    // The palette's entry for a level, among those near its place in the tree.
    std::size_t nearest(Level level, const std::vector<Level>& palette) const {
        const unsigned bits = eight_bits(level);
        const Node* node = &root_;
        for (int bit = 7; bit > 0; --bit) {
            const auto& child = node->children.at(bits >> bit & 1U);
            if (child == nullptr) break;
            node = child.get();
        }
        Nearest nearest;
        find_nearest(*node->parent, level, palette, nearest);
        return nearest.entry;
    }

  private:
    static constexpr double kScale = 1 / kWhite;

    struct Nearest {
        std::size_t entry = 0;
        double distance = 2 * kWhite;
    };

    Node* child(Node& parent, bool bit, int depth) {
        auto& child = parent.children.at(bit ? 1 : 0);
        if (child == nullptr) {
            child = std::make_unique<Node>();
            child->parent = &parent;
            if (depth == 8) ++colours_;
        }
        return child.get();
    }

    static void collect_errors(const Node& node, std::vector<double>& errors) {
        errors.push_back(node.error);
        for (const auto& child : node.children) {
            if (child != nullptr) collect_errors(*child, errors);
        }
    }

    double first_threshold() const {
        std::vector<double> errors;
        collect_errors(root_, errors);
        std::sort(errors.begin(), errors.end());
        return errors.size() > 3 ? errors[errors.size() - 3] : 0;
    }

    // Moves everything under `node`, and `node` itself, into its parent.
    static void merge(Node& node) {
        for (auto& child : node.children) {
            if (child != nullptr) {
                merge(*child);
                child.reset();
            }
        }
        node.parent->pixels += node.pixels;
        node.parent->sum += node.sum;
    }

    // A node that stays is counted at once, although a node above it may be merged later in the same walk.
    void prune(Node& node, double threshold, double& next) {
        for (auto& child : node.children) {
            if (child == nullptr) continue;
            prune(*child, threshold, next);
            if (child->error <= threshold) {
                merge(*child);
                child.reset();
            }
        }
        if (node.error > threshold) {
            if (node.pixels > 0) ++colours_;
            next = std::min(next, node.error);
        }
    }

    static void add_to_palette(Node& node, std::vector<Level>& palette) {
        for (auto& child : node.children) {
            if (child != nullptr) add_to_palette(*child, palette);
        }
        if (node.pixels > 0) {
            node.entry = palette.size();
            palette.push_back(rounded(1 / node.pixels * kWhite * node.sum));
        }
    }

    static void find_nearest(const Node& node, Level level, const std::vector<Level>& palette,
                             Nearest& nearest) {
        for (const auto& child : node.children) {
            if (child != nullptr) find_nearest(*child, level, palette, nearest);
        }
        if (node.pixels == 0) return;
        const double distance = std::abs(palette[node.entry] - level);
        if (distance <= nearest.distance) nearest = {node.entry, distance};
    }

    Node root_;
    std::size_t colours_ = 0;
};

Tree tree_of(const GreyImage& image) {
    const auto same = [&](std::size_t one, std::size_t other) {
        return image.levels[one] == image.levels[other] &&
               (image.alpha.empty() || image.alpha[one] == image.alpha[other]);
    };
    Tree tree;
    for (std::size_t row = 0; row < image.rows; ++row) {
        const std::size_t end = (row + 1) * image.columns;
        for (std::size_t run = row * image.columns; run < end;) {
            std::size_t next = run + 1;
            while (next < end && same(run, next)) ++next;
            tree.add(image.levels[run], static_cast<double>(next - run));
            run = next;
        }
    }
    return tree;
}

// What an entry becomes.
std::vector<Level> colours_of(const std::vector<Level>& palette) {
    bool first_is_white = palette[0] >= kHalf;
    if (palette.size() == 1) return {static_cast<Level>(first_is_white ? 65535 : 0)};
    if (palette[0] > palette[1]) first_is_white = true;
    if (first_is_white) return {65535, 0};
    return {0, 65535};
}

// The walk.

struct Point {
    std::ptrdiff_t column;
    std::ptrdiff_t row;
};
Point operator+(Point a, Point b) { return {a.column + b.column, a.row + b.row}; }
Point operator*(std::ptrdiff_t n, Point a) { return {n * a.column, n * a.row}; }

// A Hilbert curve over the square with the given corner, which starts there and ends `side` - 1 steps to the
// right; "down" and "right" are the square's own.
template <typename Visit>
void walk(Point corner, std::ptrdiff_t side, Point down, Point right, Visit& visit) {
    if (side == 1) {
        visit(corner);
        return;
    }
    const std::ptrdiff_t half = side / 2;
    walk(corner, half, right, down, visit);
    walk(corner + half * down, half, down, right, visit);
    walk(corner + half * down + half * right, half, down, right, visit);
    walk(corner + (half - 1) * down + (side - 1) * right, half, -1 * right, -1 * down, visit);
}

constexpr std::size_t kErrors = 16;

std::array<double, kErrors> weights() {
    std::array<double, kErrors> weights{};
    double weight = 1;
    for (std::size_t i = 0; i < kErrors; ++i) {
        weights.at(kErrors - 1 - i) = 1 / weight;
        weight *= std::exp(std::log(65536.0) / (kErrors - 1));
    }
    double sum = 0;
    for (const double one : weights) sum += one;
    double normalised = 0;
    for (double& one : weights) {
        one /= sum;
        normalised += one;
    }
    weights[0] += 1 - normalised;
    return weights;
}

class Ditherer {
  public:
    Ditherer(GreyImage& image, const Tree& tree, const std::vector<Level>& palette)
        : image_(image), tree_(tree), palette_(palette), colours_(colours_of(palette)) {
        nearest_.fill(kUnused);
    }

    void operator()(Point point) {
        const auto column = static_cast<std::size_t>(point.column);
        const auto row = static_cast<std::size_t>(point.row);
        if (column >= image_.columns || row >= image_.rows) return;
        Level& pixel = image_.levels[row * image_.columns + column];
        double wanted = pixel;
        for (std::size_t i = 0; i < kErrors; ++i) wanted += weights_.at(i) * errors_.at(i);
        const Level level = rounded(wanted);
        std::size_t& entry = nearest_.at(eight_bits(level) >> 2);
        if (entry == kUnused) entry = tree_.nearest(level, palette_);
        std::rotate(errors_.begin(), errors_.begin() + 1, errors_.end());
        errors_.back() = static_cast<double>(level) - palette_[entry];
        pixel = colours_[entry];
    }

  private:
    static constexpr std::size_t kUnused = 2;

    GreyImage& image_;
    const Tree& tree_;
    const std::vector<Level>& palette_;
    std::vector<Level> colours_;
    std::array<std::size_t, 64> nearest_{};
    std::array<double, kErrors> weights_ = weights();
    std::array<double, kErrors> errors_{};  // the oldest first
};

void riemersma(GreyImage& image) {
    Tree tree = tree_of(image);
    tree.prune_to_two_colours();
    const auto palette = tree.palette();
    Ditherer ditherer(image, tree, palette);
    std::ptrdiff_t side = 1;  // at last above both columns and rows, for powers of two too
    while (side <= static_cast<std::ptrdiff_t>(std::max(image.columns, image.rows))) side *= 2;
    walk({0, 0}, side, {0, 1}, {1, 0}, ditherer);
}

// Keeps the error of every pixel.
void floyd_steinberg(GreyImage& image) {
    std::map<std::pair<std::size_t, std::size_t>, double> errors;  // by row + 1 and column + 1: 0 is outside
    for (std::size_t y = 0; y < image.rows; ++y) {
        for (std::size_t x = 0; x < image.columns; ++x) {
            Level& pixel = image.levels[y * image.columns + x];
            const double left = errors[{y + 1, x}];
            const double above_left = errors[{y, x}];
            const double above = errors[{y, x + 1}];
            const double above_right = errors[{y, x + 2}];
            const double sum =
                pixel + std::floor((7 * left + 3 * above_right + 5 * above + above_left) / 16 + 0.5);
            pixel = sum > kHalf ? 65535 : 0;
            errors[{y + 1, x + 1}] = sum - pixel;
        }
    }
}

}  // namespace

Level grey_level(Level red, Level green, Level blue) {
    return rounded(0.212656 * red + 0.715158 * green + 0.072186 * blue);
}

void make_monochrome(GreyImage& image, Dither dither) {
    const auto columns = static_cast<double>(image.columns);
    const auto rows = static_cast<double>(image.rows);
    const double pixels = columns * rows;
    if (pixels == 0) return;
    switch (dither) {
        case Dither::kRiemersma:
            normalise(image.levels, edges(measured(image), pixels * 0.0015, pixels - pixels * 0.9995),
                      [](double above_black, double range) { return kWhite * above_black / range; });
            riemersma(image);
            return;
        case Dither::kNone:
            if (image.alpha.empty()) image.intensity = Intensity::kLuma;
            normalise(image.levels,
                      edges(measured(image), 0.02 * columns * rows, pixels - 0.99 * columns * rows),
                      [](double above_black, double range) { return kWhite * (1 / range) * above_black; });
            for (Level& level : image.levels) {
                const Level light = image.intensity == Intensity::kLuma ? level : luminance(level);
                level = light > kHalf ? 65535 : 0;
            }
            return;
        case Dither::kFloydSteinberg:
            normalise(image.levels, edges(measured(image), pixels * 0.0015, pixels - pixels * 0.9995),
                      [](double above_black, double range) { return kWhite * above_black / range; });
            floyd_steinberg(image);
            return;
    }
}

}  // namespace bw::reference
