#include "session.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "../refuse.hpp"
// clang-format off
#include <jerror.h>  // after jpeglib.h, which it needs
// clang-format on

namespace bw::image::jpeg {
namespace {

// The warnings that pictures from real cameras and programs raise, and that cost no pixel. All others mean
// that pixels are missing or wrong.
constexpr std::array<int, 4> kHarmlessWarnings{
    JWRN_EXTRANEOUS_DATA,  // padding before a marker
    JWRN_NOT_SEQUENTIAL,   // scan parameters that a baseline file does not use; Samsung's cameras
    JWRN_JFIF_MAJOR,       // a revision that libjpeg does not know
    JWRN_ADOBE_XFORM,      // the same for colours in Adobe's segment
};

std::string message(j_common_ptr jpeg) {
    std::array<char, JMSG_LENGTH_MAX> text{};
    jpeg->err->format_message(jpeg, text.data());
    return text.data();
}

}  // namespace

void on_error(j_common_ptr jpeg) {
    shielded(jpeg, [jpeg] {
        if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
        const std::string verb = jpeg->is_decompressor ? "decoded" : "encoded";
        refuse("the JPEG image cannot be " + verb + ": " + message(jpeg));
    });
}

void on_message(j_common_ptr jpeg, int level) {
    const bool is_warning = level < 0;
    const auto* end = kHarmlessWarnings.end();
    if (!is_warning || std::find(kHarmlessWarnings.begin(), end, jpeg->err->msg_code) != end) return;
    shielded(jpeg, [jpeg] { refuse("the JPEG image is damaged: " + message(jpeg)); });
}

void on_progress(j_common_ptr jpeg) {
    shielded(jpeg, [jpeg] { static_cast<Callbacks*>(jpeg->client_data)->checkpoint(); });
}

}  // namespace bw::image::jpeg
