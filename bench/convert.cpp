// Whole conversions in one process: bw_convert OUTDIR. For each line "URI NAME" on standard input the picture
// is read, converted and written as a job's is; the answer is the microseconds that it took. conversion.py
// asks.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>

#include "bw/image.hpp"
#include "bw/storage.hpp"

int main(int, char** arguments) {
    bw::start_images();
    const auto storage = bw::open_storage(arguments[1]);
    std::string uri;
    std::string name;
    while (std::cin >> uri >> name) {
        const auto start = std::chrono::steady_clock::now();
        const std::string source = storage->read(uri);
        storage->commit(name, bw::to_monochrome(source, std::filesystem::path(name).extension().string()));
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        std::cout << took.count() << std::endl;
    }
}
