#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "../refuse.hpp"
#include "jpeg.hpp"
#include "session.hpp"
// clang-format off
#include <jerror.h>  // after jpeglib.h, which it needs
// clang-format on

namespace bw::image::jpeg {
namespace {

constexpr int kDefaultQuality = 92;  // ImageMagick's, where the source's cannot be told

// Which marker segments of the source the result keeps.
struct Segments {
    std::string kept;
    std::string profile;
    bool profile_is_grey = false;

    // `content` is what follows the marker: two bytes of length and the rest.
    void add(int marker, std::string_view content) {
        using std::string_view_literals::operator""sv;
        constexpr auto kProfile = "ICC_PROFILE\0"sv;
        constexpr std::size_t kColourSpace = 16;  // of the profile, whose parts follow a number and a count
        const auto payload = content.substr(2);
        std::string& to = marker == JPEG_APP0 + 2 ? profile : kept;
        if (marker == JPEG_APP0 + 2) {
            if (!payload.starts_with(kProfile)) return;
            const auto part = payload.substr(kProfile.size());
            if (part.starts_with('\1') && part.size() > 2) {
                profile_is_grey =
                    part.substr(2).substr(std::min(kColourSpace, part.size() - 2)).starts_with("GRAY");
            }
        }
        to += '\xff';
        to += static_cast<char>(marker);
        to += content;
    }

    std::string result() && { return profile_is_grey ? kept + profile : std::move(kept); }
};

// Keeps a segment. libjpeg's own jpeg_save_markers takes time in the square of their number.
boolean on_segment(j_decompress_ptr jpeg) {
    auto& source = *jpeg->src;
    const auto* bytes = source.next_input_byte;
    // The whole file is in the buffer. Where libjpeg asks for more, the file is damaged, and this call does
    // not return.
    if (source.bytes_in_buffer < 2) source.fill_input_buffer(jpeg);
    const std::size_t length = bytes[0] * std::size_t{256} + bytes[1];
    if (length < 2) ERREXIT(jpeg, JERR_BAD_LENGTH);
    if (source.bytes_in_buffer < length) source.fill_input_buffer(jpeg);
    shielded(reinterpret_cast<j_common_ptr>(jpeg), [jpeg, bytes, length] {
        static_cast<Segments*>(static_cast<Callbacks*>(jpeg->client_data)->user)
            ->add(jpeg->unread_marker, {reinterpret_cast<const char*>(bytes), length});
    });
    source.next_input_byte += length;
    source.bytes_in_buffer -= length;
    return TRUE;
}

void open(Decompression& session, std::string_view bytes) {
    session.run([&jpeg = session.jpeg, bytes] {
        jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
        jpeg_read_header(&jpeg, TRUE);
    });
}

bool is_direct(const jpeg_decompress_struct& jpeg) {
    return jpeg.out_color_space == JCS_GRAYSCALE || jpeg.out_color_space == JCS_RGB;
}

// ImageMagick tells the quality of a file by these: some entries of its quantisation tables, and the sum of
// all entries.
struct Fingerprint {
    long probe = 0;
    long sum = 0;
};

template <typename Tables>
Fingerprint fingerprint(const Tables& tables, std::size_t count) {
    Fingerprint result;
    for (std::size_t i = 0; i < count; ++i) {
        if (tables[i] == nullptr) continue;
        for (const auto value : tables[i]->quantval) result.sum += value;
    }
    result.probe = tables[0]->quantval[2] + tables[0]->quantval[53];
    if (count > 1 && tables[1] != nullptr) {
        result.probe += tables[1]->quantval[0] + tables[1]->quantval[DCTSIZE2 - 1];
    }
    return result;
}

// The fingerprints of the standard's tables for the qualities 1 to 100. [0] is that of the table for grey,
// [1] that of both tables.
using Standard = std::array<std::array<Fingerprint, 2>, 100>;

Standard make_standard() {
    const Checkpoint none = [] {};
    Compression session(none);
    session.jpeg.in_color_space = JCS_GRAYSCALE;
    Standard standard;
    session.run([&jpeg = session.jpeg, &standard] {
        jpeg_set_defaults(&jpeg);
        for (std::size_t i = 0; i < standard.size(); ++i) {
            jpeg_set_quality(&jpeg, static_cast<int>(i) + 1, TRUE);
            standard[i] = {fingerprint(jpeg.quant_tbl_ptrs, 1), fingerprint(jpeg.quant_tbl_ptrs, 2)};
        }
    });
    return standard;
}

int estimated_quality(const jpeg_decompress_struct& jpeg) {
    static const Standard standard = make_standard();
    if (jpeg.quant_tbl_ptrs[0] == nullptr) return kDefaultQuality;
    const bool colour = jpeg.quant_tbl_ptrs[1] != nullptr;
    const auto found = fingerprint(jpeg.quant_tbl_ptrs, NUM_QUANT_TBLS);
    for (std::size_t i = 0; i < standard.size(); ++i) {
        const auto& one = standard[i][colour ? 1 : 0];
        if (found.probe < one.probe && found.sum < one.sum) continue;
        // ImageMagick gives tables that are not the standard's a quality only from 51 on.
        const bool exact = found.probe <= one.probe && found.sum <= one.sum;
        return exact || i >= 50 ? static_cast<int>(i) + 1 : kDefaultQuality;
    }
    return kDefaultQuality;
}

void read_rows(Decompression& session, GreyImage& grey) {
    auto& jpeg = session.jpeg;
    const auto components = static_cast<std::size_t>(jpeg.output_components);
    std::vector<std::uint8_t> samples(grey.columns * components * MAX_SAMP_FACTOR);
    std::array<JSAMPROW, MAX_SAMP_FACTOR> rows{};  // libjpeg gives so many at once, at most
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = samples.data() + i * grey.columns * components;

    const std::span<Level> levels(grey.levels);
    while (jpeg.output_scanline < grey.rows) {
        const std::size_t first = jpeg.output_scanline;
        session.run([&jpeg, &rows] { jpeg_read_scanlines(&jpeg, rows.data(), rows.size()); });
        const auto to = levels.subspan(first * grey.columns, (jpeg.output_scanline - first) * grey.columns);
        const auto from = std::span<const std::uint8_t>(samples).first(to.size() * components);
        if (components == 3) {
            grey_levels(from, to);
        } else {
            std::transform(from.begin(), from.end(), to.begin(),
                           [](std::uint8_t sample) { return static_cast<Level>(257U * sample); });
        }
    }
}

}  // namespace

Header read_header(std::string_view bytes) {
    const Checkpoint none = [] {};
    Decompression session(none);
    open(session, bytes);
    auto& jpeg = session.jpeg;
    const std::uint64_t pixels = std::uint64_t{jpeg.image_width} * jpeg.image_height;
    // The levels are in memory; of a file with several scans the coefficients of all components are too.
    std::uint64_t bytes_a_pixel = sizeof(Level);
    if (jpeg_has_multiple_scans(&jpeg) != FALSE) {
        bytes_a_pixel += sizeof(JCOEF) * static_cast<std::uint64_t>(jpeg.num_components);
    }
    return {jpeg.image_width, jpeg.image_height, is_direct(jpeg), bytes_a_pixel * pixels};
}

Picture decode(std::string_view bytes, const Checkpoint& checkpoint) {
    Segments segments;
    Decompression session(checkpoint, &segments);
    auto& jpeg = session.jpeg;
    for (int marker = JPEG_APP0 + 1; marker <= JPEG_APP0 + 15; ++marker) {
        if (marker != JPEG_APP0 + 14) jpeg_set_marker_processor(&jpeg, marker, on_segment);
    }
    jpeg_set_marker_processor(&jpeg, JPEG_COM, on_segment);
    open(session, bytes);
    if (!is_direct(jpeg)) refuse("the JPEG image is neither grey nor of three colours");

    session.run([&jpeg] { jpeg_start_decompress(&jpeg); });
    Picture picture;
    auto& [grey, metadata] = picture;
    grey = {jpeg.image_width, jpeg.image_height, {}};
    grey.levels.resize(grey.columns * grey.rows);
    metadata = {estimated_quality(jpeg), jpeg.density_unit, jpeg.X_density, jpeg.Y_density, {}};
    read_rows(session, grey);
    session.run([&jpeg] { jpeg_finish_decompress(&jpeg); });
    metadata.segments = std::move(segments).result();
    return picture;
}

}  // namespace bw::image::jpeg
