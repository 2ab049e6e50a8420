// bw_file_results FOLDER TESTDATA: writes what the whole conversion makes of each file in TESTDATA into
// FOLDER, as small.jpg.riemersma.pbm and small.jpg.none.pbm. store.py compares them with what ImageMagick's
// own programs made.
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bw/image.hpp"

namespace bw::oracle {
namespace {

constexpr std::array kSuffixes{std::pair(Dither::kRiemersma, ".riemersma.pbm"),
                               std::pair(Dither::kNone, ".none.pbm")};
const std::vector<std::string> kFormats{"jpeg", "png", "gif", "tiff", "webp", "bmp", "pnm"};

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
}  // namespace bw::oracle

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: bw_file_results FOLDER TESTDATA\n";
        return 2;
    }
    bw::start_images({.formats = bw::oracle::kFormats});
    for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
        bw::oracle::convert_file(argv[1], entry.path());
}
