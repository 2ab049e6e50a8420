// JPEG in, grey levels out, and back, by libjpeg itself: ImageMagick uses the same library, but its own
// pixels of 8 bytes each cost more on the way than decoding and encoding do. Pixels and results are those
// that ImageMagick would give. The only module that knows libjpeg. Any thread.
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

// Takes what read_header() calls direct; the caller has looked at its size, and at how many scans it has.
// EXIF's orientation turns no pixels. Throws Error (kImage) for damage, even where libjpeg would go on with
// grey for what is missing; whatever `checkpoint` throws goes through.
Picture decode(std::string_view bytes, const Checkpoint& checkpoint);

// A grey baseline JPEG of levels that are 0 or 65535: the bytes that ImageMagick would write (but for odd
// densities and sampling factors); or, for 2^18 pixels and 128 rows and more, its pixels with Huffman codes
// that fit a part of the picture, in half the time. Memory: the result, 2 bytes a pixel of the smaller
// pictures, and some rows.
std::string encode(const GreyImage& black_and_white, const Metadata& metadata, const Checkpoint& checkpoint);

}  // namespace bw::image::jpeg
