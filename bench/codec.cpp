// What libjpeg-turbo needs in process for the least that any conversion must do: decode the source to RGB,
// encode the result. For each line "SOURCE RESULT OUT QUALITY" on standard input the JPEG SOURCE is decoded,
// and the levels of RESULT (a PGM) are written to OUT as a grey JPEG; the answer is the microseconds that it
// took. conversion.py asks.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>
// clang-format off
#include <jpeglib.h>  // after <cstdio>, which it needs
// clang-format on

namespace {

using Bytes = std::vector<unsigned char>;

Bytes read(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void decode(const Bytes& source) {
    jpeg_decompress_struct jpeg;
    jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, source.data(), source.size());
    jpeg_read_header(&jpeg, TRUE);
    jpeg_start_decompress(&jpeg);
    Bytes row(jpeg.output_width * 3UL);
    JSAMPROW rows[] = {row.data()};
    while (jpeg.output_scanline < jpeg.output_height) jpeg_read_scanlines(&jpeg, rows, 1);
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

void encode(Bytes& levels, unsigned columns, unsigned rows, int quality, const std::string& file) {
    jpeg_compress_struct jpeg;
    jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    std::FILE* output = std::fopen(file.c_str(), "wb");
    jpeg_stdio_dest(&jpeg, output);
    jpeg.image_width = columns;
    jpeg.image_height = rows;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < rows) {
        JSAMPROW row[] = {levels.data() + levels.size() - (rows - jpeg.next_scanline) * std::size_t{columns}};
        jpeg_write_scanlines(&jpeg, row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    std::fclose(output);
}

}  // namespace

int main() {
    std::string source;
    std::string result;
    std::string output;
    int quality = 0;
    while (std::cin >> source >> result >> output >> quality) {
        Bytes levels = read(result);  // a PGM's levels are its last bytes
        unsigned columns = 0;
        unsigned rows = 0;
        std::istringstream(std::string(levels.begin() + 2, levels.begin() + 20)) >> columns >> rows;
        const auto start = std::chrono::steady_clock::now();
        decode(read(source));
        encode(levels, columns, rows, quality, output);
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        std::cout << took.count() << std::endl;
    }
}
