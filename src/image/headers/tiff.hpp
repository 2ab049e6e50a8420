// Which of libtiff's errors cost no pixel. Pure.
#pragma once

#include <string_view>

namespace bw::image::headers {

// Whether the error is about a directory of metadata (EXIF, GPS): its words are about a directory, and the
// directories of all pages are whole.
bool is_about_metadata_of_tiff(std::string_view error, std::string_view bytes);

}  // namespace bw::image::headers
