// Preloaded into bw: a libjpeg that goes wrong over pictures whose comment says so, as a defect of a decoder
// would. Nothing else can make the real one crash, hang or eat memory.
#include <dlfcn.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// clang-format off
#include <jpeglib.h>  // after <cstdio>, which it needs
#include <jerror.h>
// clang-format on

namespace {

// Touched, so that it is memory and no promise.
void eat_memory(j_decompress_ptr decoder) {
    constexpr std::size_t kAtOnce = 1 << 20;
    while (auto* memory = static_cast<volatile char*>(std::malloc(kAtOnce))) {
        for (std::size_t i = 0; i < kAtOnce; i += 4096) memory[i] = 1;
    }
    ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 0);
}

}  // namespace

extern "C" int jpeg_read_header(j_decompress_ptr decoder, boolean require_image) {
    static const auto real =
        reinterpret_cast<decltype(&jpeg_read_header)>(::dlsym(RTLD_NEXT, "jpeg_read_header"));
    const std::string_view bytes(reinterpret_cast<const char*>(decoder->src->next_input_byte),
                                 decoder->src->bytes_in_buffer);
    const auto asks_for = [&bytes](std::string_view what) { return bytes.find(what) != bytes.npos; };
    if (asks_for("test: crash")) std::raise(SIGSEGV);
    while (asks_for("test: hang")) ::pause();
    if (asks_for("test: eat memory")) eat_memory(decoder);
    return real(decoder, require_image);
}
