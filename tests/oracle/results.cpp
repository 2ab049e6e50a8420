// bw_results FOLDER IMAGES SEED: writes made-up pictures into the folder, and beside each of them what our
// kernel makes of it: 7.ppm, 7.riemersma.pbm, 7.none.pbm. store.py compares them with what ImageMagick's own
// programs made.
#include <cstdlib>
#include <iostream>

#include "oracle/pictures.hpp"

namespace bw::oracle {
namespace {

void write_results(const std::filesystem::path& folder, std::uint64_t seed, std::uint64_t number) {
    Picture picture = make_picture(seed, number);
    picture.alpha.clear();  // a PNM has none
    const std::string name = std::to_string(number);
    write_pnm(picture, folder / (name + (picture.grey ? ".pgm" : ".ppm")));
    for (const auto& [dither, suffix] :
         {std::pair(Dither::kRiemersma, ".riemersma.pbm"), std::pair(Dither::kNone, ".none.pbm")}) {
        GreyImage image = grey_image(picture, grey_level);
        make_monochrome(image, dither);
        write_pbm(image, folder / (name + suffix));
    }
}

}  // namespace
}  // namespace bw::oracle

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: bw_results FOLDER IMAGES SEED\n";
        return 2;
    }
    const std::uint64_t images = std::strtoull(argv[2], nullptr, 10);
    const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
    for (std::uint64_t number = 0; number < images; ++number)
        bw::oracle::write_results(argv[1], seed, number);
}
