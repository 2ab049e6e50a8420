#include "diffusion.hpp"

#include <array>
#include <cstring>
#include <utility>

#include "hilbert.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace bw::dither {
namespace {

constexpr std::size_t kErrors = 16;  // a pixel inherits the errors of the 16 before it

// Two doubles in one register, where a machine has such registers: one operation works on both.
using Pair = double __attribute__((vector_size(16)));
constexpr std::size_t kPairs = kErrors / 2;

// The weights of the errors, that of the oldest first. docs/monochrome.md says how they are computed; here
// they are written down to the last bit, so that they do not depend on a machine's exp() and log().
constexpr std::array<double, kErrors> kWeights{
    0x1.0b8fffe7c2787p-17, 0x1.183775359d719p-16, 0x1.25781f975eb13p-15, 0x1.33593dfa332fbp-14,
    0x1.41e267056c71ap-13, 0x1.511b8d40a3e64p-12, 0x1.610d036c19e55p-11, 0x1.71bf810db07a1p-10,
    0x1.833c2734fef03p-9,  0x1.958c85791932ep-8,  0x1.a8ba9f32c59e7p-7,  0x1.bcd0f0f5fced4p-6,
    0x1.d1da764db2835p-5,  0x1.e7e2afbd079a9p-4,  0x1.fef5a90931c36p-3,  0x1.0b8fffe7c2786p-1};

// Which entry of the palette a level takes. The answer is remembered for each slot of 1028 levels: the first
// level that meets a slot decides for all of them.
class Choice {
  public:
    explicit Choice(const Palette& palette)
        : palette_(palette), darker_(palette.levels[0] <= palette.levels[1] ? 0 : 1) {
        if (!palette.by_distance_alone()) return;
        // Then distance alone decides, and only the slot between the two entries is still open.
        open_slot_ = slot(static_cast<Level>((palette.levels[0] + palette.levels[1]) / 2));
        open_from_ = first_level(open_slot_) - 0.5;
        open_to_ = first_level(open_slot_ + 1) - 0.5;
    }

    std::size_t darker() const { return darker_; }
    std::size_t lighter() const { return 1 - darker_; }

    // Both are levels before they are rounded. Levels under open_from() take the darker entry, levels from
    // open_to() on take the lighter one, and for a level between them decide() must be asked.
    double open_from() const { return open_from_; }
    double open_to() const { return open_to_; }

    std::size_t decide(Level level) {
        const unsigned its_slot = slot(level);
        if (entries_[its_slot] == kUndecided) {
            entries_[its_slot] = palette_.nearest(level);
            if (its_slot == open_slot_) (entries_[its_slot] == darker_ ? open_from_ : open_to_) = other_end();
        }
        return entries_[its_slot];
    }

  private:
    static constexpr std::size_t kUndecided = 2;

    double other_end() const { return entries_[open_slot_] == darker_ ? open_to_ : open_from_; }

    const Palette& palette_;
    const std::size_t darker_;
    std::array<std::size_t, kSlots> entries_ = [] {
        std::array<std::size_t, kSlots> entries{};
        entries.fill(kUndecided);
        return entries;
    }();
    unsigned open_slot_ = kSlots;  // none
    double open_from_ = -1;        // at first: everything is open
    double open_to_ = kLevels;
};

// The level that counts for a pixel is its own plus the weighted errors of the sixteen pixels before it. The
// oldest error is added first: the order matters, since doubles are rounded. Only the newest error must be
// waited for. So a ring holds the sums of the next sixteen pixels, and each error is added to all of them
// when it is known.
class Diffusion {
  public:
    Diffusion(GreyImage& image, std::span<const Level> stretch, const Palette& palette)
        : levels_(image.levels), stretch_(stretch), palette_(palette), choice_(palette) {
        for (std::size_t now = 0; now < kErrors; ++now) {
            for (std::size_t place = 0; place < kErrors; ++place) {
                // The pixel at `place` of the ring comes this many pixels later.
                const std::size_t later = place > now ? place - now : place + kErrors - now;
                weights_[now][place / 2][place % 2] = kWeights[kErrors - later];
            }
        }
    }

    void add(std::size_t start, std::span<const std::uint32_t> offsets) {
        Level* first = levels_.data() + start;
        for (const std::uint32_t offset : offsets) pixels_[pending_++] = first + offset;
    }

    // The sums need to know the levels of the kErrors pixels after a chunk.
    bool has_chunk() const { return pending_ >= kChunk + kErrors; }

    void settle_chunk() {
        settle(kChunk);
        pending_ -= kChunk;
        std::memmove(pixels_.data(), pixels_.data() + kChunk, pending_ * sizeof pixels_[0]);
    }

    // Settles the pixels that are left. The last round of sixteen is filled up with a pixel that is not in
    // the picture.
    void finish() {
        std::fill(pixels_.begin() + static_cast<std::ptrdiff_t>(pending_), pixels_.end(), &no_pixel_);
        settle(pending_);
    }

  private:
    static constexpr std::size_t kChunk = 1024;

    void settle(std::size_t count) {
        if (!std::exchange(begun_, true)) {
            for (std::size_t i = 0; i < kErrors; ++i) sums_[i / 2][i % 2] = stretch_[*pixels_[i]];
        }
        run((count + kErrors - 1) / kErrors);
    }

    void run(std::size_t rounds);

    const std::span<Level> levels_;
    const std::span<const Level> stretch_;
    const Palette& palette_;
    Choice choice_;
    Pair weights_[kErrors][kPairs];  // for each place of the ring that can be the current one
    Pair sums_[kPairs];              // the ring
    bool begun_ = false;
    std::size_t pending_ = 0;
    std::array<Level*, kChunk + HilbertCurve::kBlock + 2 * kErrors> pixels_;
    Level no_pixel_ = 0;
};

// A double under 2^51 that it is added to has the nearest integer in its last bits. That is faster than any
// conversion.
constexpr double kRounder = 6755399441055744.0;  // 1.5 x 2^52

Pair both(double value) { return Pair{value, value}; }

// Chooses for each of the two doubles by itself, and without a branch, which no processor could predict.
using Mask = decltype(Pair{} < Pair{});
Pair choose(Mask mask, Pair yes, Pair no) {
    return reinterpret_cast<Pair>((mask & reinterpret_cast<Mask>(yes)) |
                                  (~mask & reinterpret_cast<Mask>(no)));
}
Pair lower(Pair a, Pair b) {
#ifdef __SSE2__
    return _mm_min_pd(a, b);
#else
    return choose(a < b, a, b);
#endif
}
Pair higher(Pair a, Pair b) {
#ifdef __SSE2__
    return _mm_max_pd(a, b);
#else
    return choose(a > b, a, b);
#endif
}

void Diffusion::run(std::size_t rounds) {
    const Pair dark = both(kRounder + palette_.levels[choice_.darker()]);
    const Pair light = both(kRounder + palette_.levels[choice_.lighter()]);
    const Level flip = palette_.is_white(choice_.lighter()) ? 0xffff : 0;
    Pair open_from = both(choice_.open_from());
    Pair open_to = both(choice_.open_to());
    Pair sums[kPairs];
    std::memcpy(sums, sums_, sizeof sums);
    Pair level = both(sums[0][0]);
    const Pair last_weight = both(kWeights.back());

    Level* const* pixel = pixels_.data();
    const Level* stretch = stretch_.data();
    const auto one = [&]<std::size_t Now, std::size_t... I>(std::index_sequence<I...>)
        __attribute__((always_inline)) {
        level = lower(higher(level, both(0)), both(65535));
        const Pair rounded = level + kRounder;
        Mask is_dark = level < open_from;
        Pair error = rounded - choose(is_dark, dark, light);
        // Rare are levels for which decide() must be asked, and halves: they have to be rounded up, and
        // kRounder rounds them to the even number.
        const Mask rare = ((level >= open_from) & (level < open_to)) | (level - (rounded - kRounder) == 0.5);
        if (rare[0] != 0) [[unlikely]] {
            const auto integer = static_cast<Level>(level[0] + 0.5);
            const auto chosen = choice_.decide(integer);
            is_dark = chosen == choice_.darker() ? Mask{-1, -1} : Mask{0, 0};
            error = both(static_cast<double>(integer) - palette_.levels[chosen]);
            open_from = both(choice_.open_from());
            open_to = both(choice_.open_to());
        }
        constexpr std::size_t kNext = (Now + 1) % kErrors;
        level = both(sums[kNext / 2][kNext % 2]) + last_weight * error;
        *pixel[Now] = static_cast<Level>(is_dark[0]) ^ flip;
        const double later = stretch[*pixel[Now + kErrors]];
        if constexpr (Now % 2 == 0) {
            sums[Now / 2] = Pair{later, sums[Now / 2][1]};
        } else {
            sums[Now / 2] = Pair{sums[Now / 2][0], later};
        }
        ((sums[I] += weights_[Now][I] * error), ...);
    };
    for (std::size_t round = 0; round < rounds; ++round) {
        [&]<std::size_t... Now>(std::index_sequence<Now...>) __attribute__((always_inline)) {
            (one.template operator()<Now>(std::make_index_sequence<kPairs>()), ...);
        }
        (std::make_index_sequence<kErrors>());
        pixel += kErrors;
    }
    std::memcpy(sums_, sums, sizeof sums);
}

}  // namespace

void diffuse(GreyImage& image, std::span<const Level> stretch, const Palette& palette,
             const Checkpoint& checkpoint) {
    Diffusion diffusion(image, stretch, palette);
    HilbertCurve(image.columns, image.rows)
        .walk([&](std::size_t start, std::span<const std::uint32_t> offsets) {
            diffusion.add(start, offsets);
            if (!diffusion.has_chunk()) return;
            diffusion.settle_chunk();
            checkpoint();
        });
    diffusion.finish();
}

}  // namespace bw::dither
