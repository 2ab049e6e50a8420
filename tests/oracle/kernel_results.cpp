// bw_kernel_results FOLDER IMAGES SEED: writes made-up pictures into the folder, and beside each of them what
// our kernel makes of it: 7.ppm, 7.riemersma.pbm, 7.none.pbm. store.py compares them with what ImageMagick's
// own programs made. Ends with exit status 1 where the kernel and the plain one of the tests differ. Needs no
// ImageMagick, so that it can run on any machine.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "oracle/pictures.hpp"
#include "reference/monochrome.hpp"

namespace bw::oracle {
namespace {

constexpr std::array kSuffixes{std::pair(Dither::kRiemersma, ".riemersma.pbm"),
                               std::pair(Dither::kNone, ".none.pbm")};

GreyImage converted(GreyImage image, Dither dither) {
    make_monochrome(image, dither);
    return image;
}

void write_results(const Picture& picture, const std::filesystem::path& folder, const std::string& name) {
    write_pnm(picture, folder / (name + (picture.grey ? ".pgm" : ".ppm")));
    for (const auto& [dither, suffix] : kSuffixes)
        write_pbm(converted(grey_image(picture, grey_level), dither), folder / (name + suffix));
}

bool is_as_the_reference(const Picture& picture, Dither dither) {
    GreyImage expected = grey_image(picture, reference::grey_level);
    reference::make_monochrome(expected, dither);
    if (converted(grey_image(picture, grey_level), dither).levels == expected.levels) return true;
    std::cout << picture.recipe << ": differs from the reference, dither " << static_cast<int>(dither)
              << std::endl;
    return false;
}

// Every fourth picture is measured by luminance.
bool is_as_the_reference(Picture picture, std::uint64_t number) {
    if (number % 4 == 3) picture.intensity = Intensity::kLuminance;
    bool same = true;
    for (const Dither dither : {Dither::kRiemersma, Dither::kNone, Dither::kFloydSteinberg})
        same = is_as_the_reference(picture, dither) && same;
    return same;
}

bool run(const std::filesystem::path& folder, std::uint64_t images, std::uint64_t seed) {
    bool same = true;
    for (std::uint64_t number = 0; number < images; ++number) {
        Picture picture = make_picture(seed, number);
        same = is_as_the_reference(picture, number) && same;
        picture.alpha.clear();  // a PNM has none
        write_results(picture, folder, std::to_string(number));
    }
    return same;
}

}  // namespace
}  // namespace bw::oracle

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: bw_kernel_results FOLDER IMAGES SEED\n";
        return 2;
    }
    return bw::oracle::run(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10))
               ? 0
               : 1;
}
