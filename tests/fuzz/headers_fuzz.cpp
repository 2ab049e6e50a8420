// What we read of a file's structure ourselves, before any decoder sees it.
#include "check.hpp"
#include "image/formats.hpp"
#include "image/headers/excess.hpp"
#include "image/headers/headers.hpp"
#include "image/headers/webp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    const auto bytes = fuzz::text(data, size);
    fuzz::require(image::headers::count_jpeg_scans(bytes) <= size / 4, "a scan takes four bytes at least");
    if (const auto animation = image::headers::extent_of_webp_animation(bytes)) {
        fuzz::require(animation->frames <= size / 8, "a frame takes eight bytes at least");
        fuzz::require(animation->columns > 0 && animation->rows > 0, "a canvas has pixels");
    }
    if (const auto format = image::format_of(bytes)) {
        const auto excess = image::excess_in_headers(bytes, *format, 64 * 1024);
        fuzz::require(!excess || !excess->empty(), "what is refused is refused with a reason");
    }
    return 0;
}
