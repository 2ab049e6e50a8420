#include "bw/protocol/trace.hpp"

#include <algorithm>

namespace bw {
namespace {

constexpr std::size_t kVersionSize = 2;
constexpr std::size_t kIdAt = 3;
constexpr std::size_t kIdSize = 32;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kParentSize = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kFlagsSize = 2;
constexpr std::size_t kSize = 55;
constexpr std::size_t kMostBytes = 512;

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_number(std::string_view text) {
    return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

bool is_printable(std::string_view text) {
    return text.size() <= kMostBytes &&
           std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Versions after 00 may have more behind the flags.
bool is_parent(std::string_view text) {
    if (text.size() < kSize || !is_printable(text)) return false;
    const auto version = text.substr(0, kVersionSize);
    const bool has_its_size = text.size() == kSize || (version != "00" && text[kSize] == '-');
    return has_its_size && is_hex(version) && version != "ff" && text[kVersionSize] == '-' &&
           is_number(text.substr(kIdAt, kIdSize)) && text[kParentAt - 1] == '-' &&
           is_number(text.substr(kParentAt, kParentSize)) && text[kFlagsAt - 1] == '-' &&
           is_hex(text.substr(kFlagsAt, kFlagsSize));
}

}  // namespace

std::string Trace::id() const { return parent.substr(kIdAt, kIdSize); }

std::optional<Trace> read_trace(std::string_view parent, std::string_view state) {
    if (!is_parent(parent)) return std::nullopt;
    return Trace{.parent = std::string(parent), .state = std::string(is_printable(state) ? state : "")};
}

}  // namespace bw
