// bw_results FOLDER IMAGES SEED TESTDATA: writes made-up pictures into the folder, and beside each of them
// what our kernel makes of it: 7.ppm, 7.riemersma.pbm, 7.none.pbm. Into FOLDER/testdata go the results of the
// whole conversion of the files in TESTDATA. store.py compares all with what ImageMagick's own programs made.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bw/image.hpp"
#include "oracle/pictures.hpp"

namespace bw::oracle {
namespace {

constexpr std::array kSuffixes{std::pair(Dither::kRiemersma, ".riemersma.pbm"),
                               std::pair(Dither::kNone, ".none.pbm")};
const std::vector<std::string> kFormats{"jpeg", "png", "gif", "tiff", "webp", "bmp", "pnm"};

void write_results(const std::filesystem::path& folder, std::uint64_t seed, std::uint64_t number) {
    Picture picture = make_picture(seed, number);
    picture.alpha.clear();  // a PNM has none
    const std::string name = std::to_string(number);
    write_pnm(picture, folder / (name + (picture.grey ? ".pgm" : ".ppm")));
    for (const auto& [dither, suffix] : kSuffixes) {
        GreyImage image = grey_image(picture, grey_level);
        make_monochrome(image, dither);
        write_pbm(image, folder / (name + suffix));
    }
}

void convert_file(const std::filesystem::path& folder, const std::filesystem::path& file) {
    std::ostringstream bytes;
    bytes << std::ifstream(file, std::ios::binary).rdbuf();
    for (const auto& [dither, suffix] : kSuffixes) {
        const ImageSettings settings{.dither = dither,
                                     .formats = kFormats,
                                     .max_pixels = 1 << 24,
                                     .max_frames = 1000,
                                     .max_memory_bytes = 1 << 30};
        std::ofstream(folder / (file.filename().string() + suffix), std::ios::binary)
            << to_monochrome(bytes.str(), ".pbm", settings, {}).bytes;
    }
}

}  // namespace

void convert_files(const std::filesystem::path& folder, const std::filesystem::path& testdata) {
    std::filesystem::create_directory(folder);
    start_images({.formats = kFormats});
    for (const auto& entry : std::filesystem::directory_iterator(testdata))
        convert_file(folder, entry.path());
}

}  // namespace bw::oracle

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: bw_results FOLDER IMAGES SEED TESTDATA\n";
        return 2;
    }
    const std::uint64_t images = std::strtoull(argv[2], nullptr, 10);
    const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
    for (std::uint64_t number = 0; number < images; ++number)
        bw::oracle::write_results(argv[1], seed, number);
    bw::oracle::convert_files(std::filesystem::path(argv[1]) / "testdata", argv[4]);
}
