#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "huffman.hpp"
#include "jpeg.hpp"
#include "session.hpp"

namespace bw::image::jpeg {
namespace {

// libjpeg writes into a small buffer, which is emptied into the result.
struct Destination : jpeg_destination_mgr {
    std::string result;
    std::array<JOCTET, 1 << 16> buffer;

    Destination() : jpeg_destination_mgr{} {
        init_destination = [](j_compress_ptr jpeg) { of(jpeg).rewind(); };
        empty_output_buffer = [](j_compress_ptr jpeg) -> boolean {
            of(jpeg).take(jpeg, of(jpeg).buffer.size());  // whatever free_in_buffer says, as libjpeg demands
            return TRUE;
        };
        term_destination = [](j_compress_ptr jpeg) {
            of(jpeg).take(jpeg, of(jpeg).buffer.size() - of(jpeg).free_in_buffer);
        };
    }

    static Destination& of(j_compress_ptr jpeg) { return *static_cast<Destination*>(jpeg->dest); }

    void rewind() {
        next_output_byte = buffer.data();
        free_in_buffer = buffer.size();
    }

    void take(j_compress_ptr jpeg, std::size_t size) {
        shielded(reinterpret_cast<j_common_ptr>(jpeg),
                 [this, size] { result.append(reinterpret_cast<const char*>(buffer.data()), size); });
        rewind();
    }
};

// These are the settings of ImageMagick's encoder, so that the file is the one that it would write.
void set_up(jpeg_compress_struct& jpeg, std::size_t columns, std::size_t rows, int quality) {
    jpeg.image_width = static_cast<JDIMENSION>(columns);
    jpeg.image_height = static_cast<JDIMENSION>(rows);
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    if (quality <= 90) jpeg.dct_method = JDCT_IFAST;
    jpeg.optimize_coding = TRUE;
}

void write_segments(jpeg_compress_struct& jpeg, std::string_view segments) {
    const auto* bytes = reinterpret_cast<const JOCTET*>(segments.data());
    const auto* end = bytes + segments.size();
    while (bytes != end) {
        const unsigned length = bytes[2] * 256U + bytes[3];
        jpeg_write_marker(&jpeg, bytes[1], bytes + 4, length - 2);
        bytes += 2 + length;
    }
}

void write_rows(Compression& session, const GreyImage& image, std::size_t first, std::size_t count) {
    std::vector<std::uint8_t> samples(image.columns);
    JSAMPROW row = samples.data();
    const std::span<const Level> levels(image.levels);
    for (std::size_t y = first; y < first + count; ++y) {
        const auto from = levels.subspan(y * image.columns, image.columns);
        std::transform(from.begin(), from.end(), samples.begin(),
                       [](Level level) { return static_cast<std::uint8_t>(level >> 8U); });
        session.run([&jpeg = session.jpeg, &row] { jpeg_write_scanlines(&jpeg, &row, 1); });
    }
}

// Changes `table` so that it codes the symbols in `sample` as well as `sample` does, and still codes all
// symbols that it could.
void fit(JHUFF_TBL& table, const JHUFF_TBL& sample) {
    constexpr int kLongest = 16;
    std::array<long, 256> weights_by_symbol{};
    std::size_t count = 0;
    for (int length = 1; length <= kLongest; ++length) {
        for (int i = 0; i < sample.bits[length]; ++i) {
            weights_by_symbol[sample.huffval[count++]] = 1L << (kLongest - length);
        }
    }
    const std::vector<std::uint8_t> symbols(
        table.huffval, table.huffval + std::accumulate(table.bits + 1, table.bits + 1 + kLongest, 0));
    std::vector<long> weights;
    for (const auto symbol : symbols) weights.push_back(std::max(1L, weights_by_symbol[symbol]));
    weights.push_back(0);  // the last of the longest codes, all ones, has to stay free
    const auto lengths = code_lengths(weights, kLongest);
    count = 0;
    for (int length = 1; length <= kLongest; ++length) {
        const auto before = count;
        for (std::size_t i = 0; i < symbols.size(); ++i) {
            if (lengths[i] == length) table.huffval[count++] = symbols[i];
        }
        table.bits[length] = static_cast<UINT8>(count - before);
    }
}

// To find the best Huffman tables for the whole picture, libjpeg needs a pass of its own, which takes two
// thirds of the time. For a large picture the tables of a few bands of 8 rows are as good to 0.1 %; with the
// standard's tables the file is a sixth larger.
constexpr std::size_t kSamplePixels = 1U << 16U;
constexpr std::size_t kLeastBands = 4;

bool is_large(const GreyImage& image) {
    return image.columns * image.rows >= 4 * kSamplePixels && image.rows >= 4 * kLeastBands * DCTSIZE;
}

void fit_tables_to_sample(jpeg_compress_struct& jpeg, const GreyImage& image, int quality,
                          const Checkpoint& checkpoint) {
    const std::size_t bands = image.rows / DCTSIZE;
    const std::size_t count = std::clamp(kSamplePixels / (image.columns * DCTSIZE), kLeastBands, bands);
    Destination nowhere;
    Compression sample(checkpoint);
    sample.jpeg.dest = &nowhere;
    sample.run([&] {
        set_up(sample.jpeg, image.columns, count * DCTSIZE, quality);
        jpeg_start_compress(&sample.jpeg, TRUE);
    });
    for (std::size_t i = 0; i < count; ++i) {
        write_rows(sample, image, (2 * i + 1) * bands / (2 * count) * DCTSIZE, DCTSIZE);
    }
    sample.run([&] { jpeg_finish_compress(&sample.jpeg); });
    fit(*jpeg.dc_huff_tbl_ptrs[0], *sample.jpeg.dc_huff_tbl_ptrs[0]);
    fit(*jpeg.ac_huff_tbl_ptrs[0], *sample.jpeg.ac_huff_tbl_ptrs[0]);
    jpeg.optimize_coding = FALSE;
}

}  // namespace

std::string encode(const GreyImage& black_and_white, const Metadata& metadata, const Checkpoint& checkpoint) {
    Destination destination;
    Compression session(checkpoint);
    auto& jpeg = session.jpeg;
    jpeg.dest = &destination;
    session.run([&] {
        set_up(jpeg, black_and_white.columns, black_and_white.rows, metadata.quality);
        jpeg.density_unit = metadata.density_unit;
        jpeg.X_density = metadata.density_x;
        jpeg.Y_density = metadata.density_y;
    });
    if (is_large(black_and_white)) {
        fit_tables_to_sample(jpeg, black_and_white, metadata.quality, checkpoint);
    }
    session.run([&] {
        jpeg_start_compress(&jpeg, TRUE);
        write_segments(jpeg, metadata.segments);
    });
    write_rows(session, black_and_white, 0, black_and_white.rows);
    session.run([&jpeg] { jpeg_finish_compress(&jpeg); });
    return std::move(destination.result);
}

}  // namespace bw::image::jpeg
