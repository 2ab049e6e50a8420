#include "oracle/pictures.hpp"

#include <algorithm>
#include <array>
#include <fstream>

namespace bw::oracle {
namespace {

// splitmix64: the distributions of <random> differ between libraries.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
    std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
    bool chance(std::size_t percent) { return below(100) < percent; }
    Level level() { return static_cast<Level>(next() >> 48); }

  private:
    std::uint64_t state_;
};

struct Size {
    std::size_t columns;
    std::size_t rows;
    std::size_t pixels() const { return columns * rows; }
};

using Levels = std::vector<Level>;

Level clamped(std::int64_t level) { return static_cast<Level>(std::clamp<std::int64_t>(level, 0, 65535)); }

// The functions below paint pictures, with whole numbers only.

Levels constant(Random& random, Size size) { return Levels(size.pixels(), random.level()); }

Levels noise(Random& random, Size size) {
    Levels levels(size.pixels());
    for (Level& level : levels) level = random.level();
    return levels;
}

Levels faint_noise(Random& random, Size size) {
    const std::size_t range = random.between(1, 3000);
    const std::size_t base = random.below(65536 - range);
    Levels levels(size.pixels());
    for (Level& level : levels) level = static_cast<Level>(base + random.below(range + 1));
    return levels;
}

Levels extremes(Random& random, Size size) {
    const std::size_t white = random.below(101);
    Levels levels(size.pixels());
    for (Level& level : levels) level = random.chance(white) ? 65535 : 0;
    return levels;
}

// The gradient goes straight, or there and back, so that levels stand in equal numbers on both sides of the
// middle.
Levels gradient(Random& random, Size size) {
    const std::array<std::size_t, 3> weights{random.below(3), random.below(3), random.below(2)};
    const bool back = random.chance(40);
    const std::size_t first = random.chance(60) ? 0 : random.level();
    const std::size_t last = random.chance(60) ? 65535 : random.level();
    const std::size_t length = weights[0] * (size.columns - 1) + weights[1] * (size.rows - 1) + 1;
    Levels levels;
    for (std::size_t row = 0; row < size.rows; ++row) {
        for (std::size_t column = 0; column < size.columns; ++column) {
            std::size_t at = weights[0] * column + weights[1] * row;
            if (back) at = std::min(at, length - 1 - at);
            at += weights[2] * random.below(2);
            levels.push_back(
                clamped(static_cast<std::int64_t>((first * (length - at % length) + last * at) / length)));
        }
    }
    return levels;
}

// The levels come as runs, as blocks or pixel by pixel.
Levels few_levels(Random& random, Size size) {
    Levels palette(random.chance(70) ? random.between(1, 4) : random.between(5, 16));
    for (Level& level : palette) {
        // Now and then a level is close to where its 8-bit value changes.
        level = random.chance(70)
                    ? random.level()
                    : clamped(static_cast<std::int64_t>(random.below(256) * 257 + 126 + random.below(6)));
    }
    const std::size_t width = random.chance(50) ? 1 : random.between(1, 20);
    const std::size_t height = random.chance(50) ? 1 : random.between(1, 20);
    const std::size_t across = size.columns / width + 1;
    std::vector<std::size_t> blocks(across * (size.rows / height + 1));
    for (std::size_t& block : blocks)
        block = std::min(random.below(palette.size()), random.below(palette.size()));
    Levels levels;
    for (std::size_t row = 0; row < size.rows; ++row) {
        for (std::size_t column = 0; column < size.columns; ++column) {
            levels.push_back(palette[blocks[row / height * across + column / width]]);
        }
    }
    return levels;
}

Levels checkerboard(Random& random, Size size) {
    const std::size_t cell = random.chance(50) ? 1 : random.between(1, 40);
    const Level one = random.chance(50) ? 0 : random.level();
    const Level other = random.chance(50) ? 65535 : random.level();
    Levels levels;
    for (std::size_t row = 0; row < size.rows; ++row) {
        for (std::size_t column = 0; column < size.columns; ++column) {
            levels.push_back((row / cell + column / cell) % 2 == 0 ? one : other);
        }
    }
    return levels;
}

// A ground, and about as many other pixels as the normalising step may drop at either end.
Levels outliers(Random& random, Size size) {
    const std::size_t ground = random.chance(30) ? 0 : random.chance(40) ? 65535 : random.level();
    const std::size_t grain = random.chance(50) ? 1 : random.between(1, 2000);
    Levels levels(size.pixels());
    for (Level& level : levels) level = clamped(static_cast<std::int64_t>(ground + random.below(grain)));
    constexpr std::array<std::size_t, 5> kShares{5, 15, 100, 200, 300};  // in ten thousand
    for (int side = 0; side < 2; ++side) {
        const std::size_t count =
            size.pixels() * kShares.at(random.below(kShares.size())) / 10000 + random.below(3);
        const Level level = random.level();
        const std::size_t spread = random.chance(50) ? 1 : 500;
        for (std::size_t i = 0; i < count; ++i) {
            levels[random.below(levels.size())] =
                clamped(static_cast<std::int64_t>(level + random.below(spread)));
        }
    }
    return levels;
}

// One level but for so few pixels that nothing is normalised.
Levels specks(Random& random, Size size) {
    Levels levels = constant(random, size);
    const std::size_t count = random.between(1, 3);
    for (std::size_t i = 0; i < count; ++i) levels[random.below(levels.size())] = random.level();
    return levels;
}

// Soft round shapes over a soft ground, with grain.
Levels photo(Random& random, Size size) {
    struct Shape {
        std::int64_t column, row, radius, height;
    };
    std::vector<Shape> shapes(random.between(2, 8));
    const std::size_t longest = std::max(size.columns, size.rows);
    for (Shape& shape : shapes) {
        shape = {static_cast<std::int64_t>(random.below(size.columns)),
                 static_cast<std::int64_t>(random.below(size.rows)),
                 static_cast<std::int64_t>(random.between(1, longest)), random.level() - std::int64_t{32768}};
    }
    const std::int64_t ground = random.level();
    const std::size_t grain = random.between(1, 4000);
    Levels levels;
    for (std::int64_t row = 0; row < static_cast<std::int64_t>(size.rows); ++row) {
        for (std::int64_t column = 0; column < static_cast<std::int64_t>(size.columns); ++column) {
            std::int64_t level = ground + static_cast<std::int64_t>(random.below(grain));
            for (const Shape& shape : shapes) {
                const std::int64_t distance =
                    (column - shape.column) * (column - shape.column) + (row - shape.row) * (row - shape.row);
                const std::int64_t inside = shape.radius * shape.radius - distance;
                if (inside > 0) level += shape.height * inside / (shape.radius * shape.radius);
            }
            levels.push_back(clamped(level));
        }
    }
    return levels;
}

struct Kind {
    const char* name;
    Levels (*paint)(Random&, Size);
};

constexpr std::array<Kind, 12> kKinds{{{"noise", noise},
                                       {"faint noise", faint_noise},
                                       {"gradient", gradient},
                                       {"gradient", gradient},
                                       {"few levels", few_levels},
                                       {"few levels", few_levels},
                                       {"photo", photo},
                                       {"outliers", outliers},
                                       {"specks", specks},
                                       {"checkerboard", checkerboard},
                                       {"extremes", extremes},
                                       {"constant", constant}}};

std::size_t edge(Random& random) {
    if (random.chance(15)) return random.between(1, 3);
    if (random.chance(30)) return (std::size_t{1} << random.between(2, 8)) - 1 + random.below(3);
    return random.between(1, random.between(1, 300));
}

// Makes each level as frequent as its opposite: then errors tie.
void mirror(Levels& levels) {
    for (std::size_t i = 0; i < levels.size() / 2; ++i) {
        levels[levels.size() - 1 - i] = static_cast<Level>(65535 - levels[i]);
    }
}

// Keeps the highest 8 or 4 bits, and spreads them over all 16.
void coarsen(Levels& levels, unsigned bits) {
    const unsigned step = bits == 8 ? 257 : 4369;
    for (Level& level : levels) level = static_cast<Level>((level >> (16 - bits)) * step);
}

void write(const std::filesystem::path& path, const std::string& header, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file << header << bytes << std::flush;
    if (!file)
        throw std::filesystem::filesystem_error("cannot write", path,
                                                std::make_error_code(std::errc::io_error));
}

}  // namespace

Picture make_picture(std::uint64_t seed, std::uint64_t number) {
    Random random(seed << 32 ^ number);
    Picture picture;
    picture.columns = edge(random);
    picture.rows = edge(random);
    picture.grey = random.chance(60);
    const Size size{picture.columns, picture.rows};
    picture.recipe = "seed " + std::to_string(seed) + ", number " + std::to_string(number) + ": " +
                     std::to_string(size.columns) + "x" + std::to_string(size.rows) +
                     (picture.grey ? " grey" : " colour");

    const std::size_t channels = picture.grey ? 1 : 3;
    const Kind kind = kKinds.at(random.below(kKinds.size()));
    const std::array<unsigned, 4> depths{16, 16, 8, 4};
    const unsigned bits = depths.at(random.below(depths.size()));
    const bool mirrored = random.chance(15);
    picture.recipe +=
        std::string(" ") + kind.name + ", " + std::to_string(bits) + " bits" + (mirrored ? ", mirrored" : "");
    picture.channels.resize(size.pixels() * channels);
    for (std::size_t channel = 0; channel < channels; ++channel) {
        Levels levels = kind.paint(random, size);
        if (mirrored) mirror(levels);
        if (bits < 16) coarsen(levels, bits);
        for (std::size_t i = 0; i < levels.size(); ++i) picture.channels[i * channels + channel] = levels[i];
    }
    if (random.chance(25)) {
        const Kind over = kKinds.at(random.below(kKinds.size()));
        picture.alpha = over.paint(random, size);
        picture.recipe += std::string(", alpha ") + over.name;
    }
    return picture;
}

GreyImage grey_image(const Picture& picture, Level (*grey_level)(Level, Level, Level)) {
    GreyImage image{picture.columns, picture.rows, {}, picture.alpha, picture.intensity};
    if (picture.grey) {
        image.levels = picture.channels;
        return image;
    }
    const auto& channels = picture.channels;
    for (std::size_t i = 0; i < channels.size(); i += 3) {
        image.levels.push_back(grey_level(channels[i], channels[i + 1], channels[i + 2]));
    }
    return image;
}

void write_pnm(const Picture& picture, const std::filesystem::path& path) {
    std::string bytes;
    for (const Level level : picture.channels) {
        bytes += static_cast<char>(level >> 8);
        bytes += static_cast<char>(level & 0xff);
    }
    write(path,
          std::string(picture.grey ? "P5" : "P6") + "\n" + std::to_string(picture.columns) + " " +
              std::to_string(picture.rows) + "\n65535\n",
          bytes);
}

void write_pbm(const GreyImage& image, const std::filesystem::path& path) {
    std::string bytes;
    for (std::size_t row = 0; row < image.rows; ++row) {
        for (std::size_t column = 0; column < image.columns; column += 8) {
            unsigned byte = 0;
            for (std::size_t bit = 0; bit < 8 && column + bit < image.columns; ++bit) {
                if (image.levels[row * image.columns + column + bit] == 0) byte |= 0x80U >> bit;
            }
            bytes += static_cast<char>(byte);
        }
    }
    write(path, "P4\n" + std::to_string(image.columns) + " " + std::to_string(image.rows) + "\n", bytes);
}

}  // namespace bw::oracle
