#include "headers.hpp"

#include <algorithm>
#include <array>

#include "excess.hpp"
#include "tiff.hpp"
#include "webp.hpp"

namespace bw::image {
namespace {

template <typename Answer>
struct Row {
    std::string_view format;  // as in BW_FORMATS
    Answer answer;
};

template <typename Rows>
const auto* find_row(const Rows& rows, const Format& format) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&format](const auto& row) { return row.format == format.name; });
    return found == rows.end() ? nullptr : &*found;
}

using Excess = std::optional<std::string> (*)(std::string_view bytes, std::uint64_t max_pixels);
constexpr std::array kExcesses{
    Row<Excess>{"jpeg", headers::excess_of_jpeg}, Row<Excess>{"png", headers::excess_of_png},
    Row<Excess>{"gif", headers::excess_of_gif},   Row<Excess>{"tiff", headers::excess_of_tiff},
    Row<Excess>{"pnm", headers::excess_of_pnm},
};

using Measure = std::optional<Extent> (*)(std::string_view bytes);
constexpr std::array kMeasures{
    Row<Measure>{"webp", headers::extent_of_webp_animation},
};

using IsHarmless = bool (*)(std::string_view error, std::string_view bytes);
constexpr std::array kHarmlessErrors{
    Row<IsHarmless>{"tiff", headers::is_about_metadata_of_tiff},
};

}  // namespace

std::optional<std::string> excess_in_headers(std::string_view bytes, const Format& format,
                                             std::uint64_t max_pixels) {
    const auto* row = find_row(kExcesses, format);
    return row == nullptr ? std::nullopt : row->answer(bytes, max_pixels);
}

std::optional<Extent> extent_in_headers(std::string_view bytes, const Format& format) {
    const auto* row = find_row(kMeasures, format);
    return row == nullptr ? std::nullopt : row->answer(bytes);
}

bool costs_no_pixel(std::string_view error, std::string_view bytes, const Format& format) {
    const auto* row = find_row(kHarmlessErrors, format);
    return row != nullptr && row->answer(error, bytes);
}

}  // namespace bw::image
