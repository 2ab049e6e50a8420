// bw_differential [--images N] [--seed N] [--first N]: compares our kernel, and the plain one of the tests,
// with the linked ImageMagick on made-up pictures. Its BilevelType defines one of the dithers: kRiemersma is
// ImageMagick 6's, kNone is 7's. Each picture that differs in any pixel is reported, and written to the
// current folder. Every fourth picture is measured by luminance.
#include <Magick++.h>
#include <malloc.h>

#include <array>
#include <charconv>
#include <iostream>
#include <limits>
#include <string_view>

#include "oracle/pictures.hpp"
#include "reference/monochrome.hpp"

namespace bw::oracle {
namespace {

constexpr Dither kDither = MagickLibVersion < 0x700 ? Dither::kRiemersma : Dither::kNone;

struct Kernel {
    const char* name;
    Level (*grey_level)(Level, Level, Level);
    void (*make_monochrome)(GreyImage&);
};

constexpr std::array kKernels{
    Kernel{"bw", grey_level, [](GreyImage& image) { make_monochrome(image, kDither); }},
    Kernel{"the reference", reference::grey_level,
           [](GreyImage& image) { reference::make_monochrome(image, kDither); }},
};

Magick::Image magick_image(const Picture& picture) {
    std::vector<Level> samples;
    const std::size_t channels = picture.grey ? 1 : 3;
    for (std::size_t i = 0; i < picture.columns * picture.rows; ++i) {
        for (std::size_t channel = 0; channel < channels; ++channel)
            samples.push_back(picture.channels[i * channels + channel]);
        if (!picture.alpha.empty()) samples.push_back(picture.alpha[i]);
    }
    const std::string map = std::string(picture.grey ? "I" : "RGB") + (picture.alpha.empty() ? "" : "A");
    Magick::Image image(picture.columns, picture.rows, map, Magick::ShortPixel, samples.data());
    image.image()->dither = MagickCore::MagickTrue;  // as every decoder leaves it
    if (picture.intensity == Intensity::kLuminance)
        image.image()->intensity = MagickCore::Rec709LuminancePixelIntensityMethod;
    return image;
}

GreyImage oracles(const Picture& picture) {
    Magick::Image image = magick_image(picture);
    image.type(Magick::BilevelType);
    GreyImage result{picture.columns, picture.rows, std::vector<Level>(picture.columns * picture.rows), {}};
    image.write(0, 0, result.columns, result.rows, "R", Magick::ShortPixel, result.levels.data());
    return result;
}

std::size_t differences(const GreyImage& one, const GreyImage& other) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < one.levels.size(); ++i) count += one.levels[i] == other.levels[i] ? 0 : 1;
    return count;
}

// Whether all kernels agree with ImageMagick.
bool agree(const Picture& picture, std::uint64_t number) {
    const GreyImage expected = oracles(picture);
    bool agree = true;
    for (const Kernel& kernel : kKernels) {
        GreyImage image = grey_image(picture, kernel.grey_level);
        kernel.make_monochrome(image);
        const std::size_t count = differences(image, expected);
        if (count == 0) continue;
        agree = false;
        std::cout << picture.recipe << ": " << kernel.name << " differs in " << count << " of "
                  << expected.levels.size() << " pixels" << std::endl;
    }
    if (!agree) {
        const std::string name = "different-" + std::to_string(number);
        write_pnm(picture, name + (picture.grey ? ".pgm" : ".ppm"));
        write_pbm(expected, name + ".expected.pbm");
    }
    return agree;
}

struct Options {
    std::uint64_t images = 1000;
    std::uint64_t seed = 1;
    std::uint64_t first = 0;
};

bool read_number(std::string_view text, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

bool read_options(int argc, char** argv, Options& options) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        auto* const option = name == "--images"  ? &options.images
                             : name == "--seed"  ? &options.seed
                             : name == "--first" ? &options.first
                                                 : nullptr;
        if (option == nullptr || !read_number(argv[i + 1], *option)) return false;
    }
    return argc % 2 == 1;
}

int run(const Options& options) {
    Magick::InitializeMagick(nullptr);
    Magick::ResourceLimits::thread(1);
    // ImageMagick 6 takes 134 MB for every picture. If they are kept, they need not be mapped anew each time.
    mallopt(M_MMAP_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    std::uint64_t different = 0;
    for (std::uint64_t number = options.first; number < options.first + options.images; ++number) {
        Picture picture = make_picture(options.seed, number);
        if (number % 4 == 3) picture.intensity = Intensity::kLuminance;
        if (!agree(picture, number)) ++different;
    }
    std::cout << "ImageMagick " << MagickLibVersionText << ", "
              << (kDither == Dither::kNone ? "none" : "riemersma") << ": " << options.images
              << " pictures of seed " << options.seed << ", " << different << " differ" << std::endl;
    return different == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bw::oracle

int main(int argc, char** argv) {
    bw::oracle::Options options;
    if (!bw::oracle::read_options(argc, argv, options)) {
        std::cerr << "usage: bw_differential [--images N] [--seed N] [--first N]\n";
        return 2;
    }
    return bw::oracle::run(options);
}
