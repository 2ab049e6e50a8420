#include "fatal.hpp"

#include <cstdlib>
#include <memory>
#include <optional>

#include "../refuse.hpp"
#include "exceptions.hpp"

namespace bw::image::magick {
namespace {

// ImageMagick hands its handlers no context.
struct OnFatal {
    const std::function<void(const Error&)>& fatal;
    std::uint64_t max_memory_bytes;
    MagickCore::FatalErrorHandler handler_before = nullptr;
    // The handler frees this first: its log line needs memory, and nothing else is free by then.
    std::unique_ptr<char[]> reserve = std::make_unique_for_overwrite<char[]>(1 << 18);
};
std::optional<OnFatal> on_fatal;

[[noreturn]] void handle_fatal(MagickCore::ExceptionType, const char* reason, const char*) noexcept {
    on_fatal->reserve.reset();
    on_fatal->fatal(too_large(without_place(reason), on_fatal->max_memory_bytes));
    std::abort();
}

}  // namespace

FatalErrors::FatalErrors(const std::function<void(const Error&)>& fatal, std::uint64_t max_memory_bytes) {
    if (!fatal) return;
    on_fatal.emplace(OnFatal{.fatal = fatal, .max_memory_bytes = max_memory_bytes});
    // ImageMagick 7 declares the handler as a function that does not return, and GCC converts no pointer to
    // that type by itself.
    on_fatal->handler_before =
        MagickCore::SetFatalErrorHandler(reinterpret_cast<MagickCore::FatalErrorHandler>(handle_fatal));
}

FatalErrors::~FatalErrors() {
    if (!on_fatal) return;
    MagickCore::SetFatalErrorHandler(on_fatal->handler_before);
    on_fatal.reset();
}

}  // namespace bw::image::magick
