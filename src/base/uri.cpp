#include "bw/base/uri.hpp"

#include <algorithm>
#include <charconv>

#include "bw/base/text.hpp"

namespace bw {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool may_stand_in_scheme(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

// The scheme without its colon; empty: there is none.
std::string_view scheme_of(std::string_view text) {
    if (text.empty() || !is_letter(text.front())) return {};
    const auto end = std::find_if_not(text.begin(), text.end(), may_stand_in_scheme);
    if (end == text.end() || *end != ':') return {};
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

}  // namespace

Uri parse_uri(std::string_view text, ErrorKind mistake) {
    constexpr std::string_view kSlashes = "//";
    const std::string_view scheme = scheme_of(text);
    Uri uri{
        .text = std::string(text), .scheme = to_lower(scheme), .authority = {}, .path = std::string(text)};
    if (scheme.empty()) return uri;
    std::string_view rest = text.substr(scheme.size() + 1);
    if (rest.starts_with(kSlashes)) {
        rest.remove_prefix(kSlashes.size());
        uri.authority = rest.substr(0, rest.find('/'));
        rest.remove_prefix(uri.authority.size());
    }
    auto path = percent_decode(rest);
    if (!path) {
        throw Error(mistake, uri.text, "the URI holds a % that no two hex digits follow (a % itself is %25)");
    }
    if (path->find('\0') != std::string::npos) throw Error(mistake, uri.text, "the URI holds %00");
    uri.path = *std::move(path);
    return uri;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        unsigned char byte = 0;
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (failure != std::errc{} || end - digits.data() != 2) return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

}  // namespace bw
