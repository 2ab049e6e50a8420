// One function for each format whose files can make a decoder take memory or time without end beside their
// pixels. Each answers why a file is not to be decoded, in words for the log, or nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bw::image::headers {

// Each of them: the file's bytes, and how many pixels a picture may have.
std::optional<std::string> excess_of_gif(std::string_view bytes, std::uint64_t max_pixels);
std::optional<std::string> excess_of_jpeg(std::string_view bytes, std::uint64_t max_pixels);
std::optional<std::string> excess_of_png(std::string_view bytes, std::uint64_t max_pixels);
std::optional<std::string> excess_of_pnm(std::string_view bytes, std::uint64_t max_pixels);
std::optional<std::string> excess_of_tiff(std::string_view bytes, std::uint64_t max_pixels);

// The scans of a JPEG, as libjpeg would meet them.
std::uint64_t count_jpeg_scans(std::string_view bytes);

// "has more than 1000 application blocks (no setting allows more)", where `count` is more than `limit`.
inline std::optional<std::string> more_than(std::uint64_t limit, std::uint64_t count,
                                            const std::string& what) {
    if (count <= limit) return std::nullopt;
    return "has more than " + std::to_string(limit) + " " + what + " (no setting allows more)";
}

}  // namespace bw::image::headers
