#include <algorithm>
#include <array>

#include "../refuse.hpp"
#include "frames.hpp"

namespace bw::image::magick {
namespace {

// By itself ImageMagick 6 would write 8 bits a pixel, and 7 would drop the compression. The result has the
// compression of its source if that one can hold one bit a pixel; else it has Group 4, which is made for
// that.
void make_tiff_of_one_bit(Magick::Image& frame) {
    static constexpr std::array kKept{
        Magick::NoCompression,  Magick::LZWCompression,  Magick::ZipCompression,   Magick::RLECompression,
        Magick::FaxCompression, Magick::LZMACompression, Magick::Group4Compression};
    const auto own = frame.compressType();
    const bool kept = std::find(kKept.begin(), kKept.end(), own) != kKept.end();
    frame.compressType(kept ? own : Magick::Group4Compression);
    frame.image()->depth = 1;
}

// ImageMagick 6 writes the palette of a GIF as it is only if the colourspace is sRGB. From grey it would make
// a palette of its own, which takes long.
void keep_palette([[maybe_unused]] Magick::Image& frame) {
#if MagickLibVersion < 0x700
    frame.image()->colorspace = Magick::sRGBColorspace;
#endif
}

// The time of writing is left out, so that a job that is done twice gives the same bytes.
void leave_out_times(Magick::Image& frame) { frame.defineValue("png", "exclude-chunks", "date,time"); }

// A source of 32 bits a sample would give its depth to the result, and netpbm's formats have at most 16
// (pgm(5)).
void keep_to_netpbm_depth(Magick::Image& frame) {
    frame.image()->depth = std::min<std::size_t>(frame.image()->depth, 16);
}

// What a frame needs before ImageMagick's encoder of its format gets it.
struct Preparation {
    std::string_view format;  // as in BW_FORMATS
    void (*prepare)(Magick::Image& frame);
};
constexpr std::array kPreparations{
    Preparation{"tiff", make_tiff_of_one_bit},
    Preparation{"gif", keep_palette},
    Preparation{"png", leave_out_times},
    Preparation{"pnm", keep_to_netpbm_depth},
};

void prepare(Magick::Image& frame, const Format& format) {
    for (const auto& row : kPreparations) {
        if (row.format == format.name) row.prepare(frame);
    }
}

// We write these ourselves: ImageMagick 6 would first make the frame black and white once more. Several
// frames follow each other in one file, as netpbm's pbm(5) has it.
void append_pbm(std::string& file, Magick::Image& frame) {
    const std::size_t columns = frame.columns();
    const std::size_t rows_at_once = std::max<std::size_t>(1, (1U << 16) / columns);
    file += "P4\n" + std::to_string(columns) + " " + std::to_string(frame.rows()) + "\n";
    std::vector<std::uint8_t> greys(columns * rows_at_once);
    for (std::size_t y = 0; y < frame.rows(); y += rows_at_once) {
        const std::size_t rows = std::min(rows_at_once, frame.rows() - y);
        frame.write(0, static_cast<ssize_t>(y), columns, rows, "I", Magick::CharPixel, greys.data());
        for (std::size_t i = 0; i < columns * rows; ++i) {
            const std::size_t bit = i % columns % 8;
            if (bit == 0) file += '\0';
            if (greys[i] == 0) file.back() = static_cast<char>(file.back() | 0x80 >> bit);
        }
    }
}

}  // namespace

std::string encode(Frames& frames, const Format& format) {
    if (format.coder == "PBM" || format.coder == "PNM") {
        std::string file;
        for (auto& frame : frames) append_pbm(file, frame);
        return file;
    }
    const std::string coder(format.coder);
    const Magick::CoderInfo abilities(coder);
    if (!abilities.isWritable()) refuse("this ImageMagick cannot write " + coder);
    if (!abilities.isMultiFrame()) frames.resize(1);
    for (auto& frame : frames) {
        frame.magick(coder);
        prepare(frame, format);
    }
    Magick::Blob blob;
    if (frames.size() > 1) {
        writeImages(frames.begin(), frames.end(), &blob);
    } else {
        frames.front().write(&blob);
    }
    if (blob.length() == 0) refuse("the " + coder + " encoder wrote nothing");
    return {static_cast<const char*>(blob.data()), blob.length()};
}

}  // namespace bw::image::magick
