// JPEGs become grey levels, and black and white levels become a JPEG, by libjpeg itself. ImageMagick uses the
// same library, but its own pixels of 8 bytes each cost more time than decoding and encoding do. Pixels and
// results are those that ImageMagick would give. This folder alone knows libjpeg. Any thread may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bw/dither.hpp"

namespace bw::image::jpeg {

struct Header {
    std::size_t columns = 0;
    std::size_t rows = 0;
    bool direct = false;  // decode() takes it: one component (grey) or three (YCbCr, RGB); not CMYK, YCCK
    std::uint64_t decoding_bytes = 0;  // that decode() takes at most, but for some rows and the metadata
};

// Reads as far as the first scan and needs next to no memory. Throws Error (kImage) if there is no image in
// the bytes, or one that libjpeg cannot decode (lossless, 12 bits).
Header read_header(std::string_view bytes);

// What the result keeps of its source, besides the pixels.
struct Metadata {
    int quality = 0;  // 1 to 100, to write with
    std::uint8_t density_unit = 0;
    std::uint16_t density_x = 1;
    std::uint16_t density_y = 1;
    // Marker segments, whole and as they stood in the file: EXIF, XMP, IPTC, comments and whatever else is in
    // APP1 to APP15, but no Adobe APP14 (how to read colours) and of APP2 only an ICC profile for grey: not
    // one for colours, nor an index of more images in the same file.
    std::string segments;
};

struct Picture {
    GreyImage grey;
    Metadata metadata;
};

// Decodes what read_header() calls direct. The caller has compared the size and the number of scans with the
// limits. EXIF's orientation turns no pixels. Throws Error (kImage) for damage, even where libjpeg would go
// on with grey for what is missing, and whatever `checkpoint` throws.
Picture decode(std::string_view bytes, const Checkpoint& checkpoint);

// Returns a grey baseline JPEG of levels that are 0 or 65535. Its bytes are those that ImageMagick would
// write (except for odd densities and sampling factors). From 2^18 pixels and 128 rows on, the pixels are the
// same and the Huffman codes are those that fit a part of the picture, which takes half the time. It takes
// memory for the result, for 2 bytes a pixel of a smaller picture, and for some rows.
std::string encode(const GreyImage& black_and_white, const Metadata& metadata, const Checkpoint& checkpoint);

}  // namespace bw::image::jpeg
