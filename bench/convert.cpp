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
    const bw::StorageSettings storage{
        .outdir = config.outdir, .input_roots = config.input_roots, .min_free_bytes = config.min_free_bytes};
    const auto source = bw::open_source(storage);
    const auto sink = bw::open_sink(storage);
    std::string uri;
    std::string name;
    while (std::cin >> uri >> name) {
        const auto start = std::chrono::steady_clock::now();
        const bw::Input input = source->read(bw::image_uri(uri), config.max_file_bytes, {});
        const std::filesystem::path result(name);
        const bw::OutputName output{.id = result.stem().string(), .extension = result.extension().string()};
        const auto monochrome = bw::to_monochrome(input.bytes, output.extension, settings, {});
        sink->commit(output, monochrome.bytes, input.is_source, {});
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        std::cout << took.count() << std::endl;
    }
}
