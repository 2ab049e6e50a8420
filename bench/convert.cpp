// Whole conversions in one process, with bw's own settings (OUTDIR, BW_DITHER). For each line "URI NAME" on
// standard input the picture is read, converted and written as a job's is; the answer is the microseconds
// that it took. conversion.py and scripts/demo/dithers.sh ask.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "bw/config.hpp"
#include "bw/image.hpp"
#include "bw/storage.hpp"

int main() {
    bw::Config config;
    if (!bw::load_config(bw::process_environment, {}, bw::SettingsFor::kWork, config).empty())
        return EXIT_FAILURE;
    const bw::ImageSettings settings{.dither = config.dither,
                                     .formats = config.formats,
                                     .max_pixels = config.max_pixels,
                                     .max_frames = config.max_frames,
                                     .max_memory_bytes = config.max_memory_bytes};
    bw::start_images(settings);
    const auto storage =
        bw::open_storage({config.outdir, config.input_roots, config.max_file_bytes, config.min_free_bytes});
    std::string uri;
    std::string name;
    while (std::cin >> uri >> name) {
        const auto start = std::chrono::steady_clock::now();
        const std::string source = storage->read(uri);
        const std::string extension = std::filesystem::path(name).extension().string();
        storage->commit(name, bw::to_monochrome(source, extension, settings, {}).bytes);
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        std::cout << took.count() << std::endl;
    }
}
