// Every fuzz target is made of these: promises that must hold whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bw::fuzz {

// Ends the process where a promise is broken, which libFuzzer takes for a crash: it keeps the input.
inline void require(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Control characters are C0, DEL, and the C1 block of Unicode; terminals obey all of them.
inline bool has_control_character(std::string_view utf8) {
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        if (byte < 0x20 || byte == 0x7f) return true;
        const auto next = static_cast<unsigned char>(i + 1 < utf8.size() ? utf8[i + 1] : 0);
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0) return true;
    }
    return false;
}

}  // namespace bw::fuzz
