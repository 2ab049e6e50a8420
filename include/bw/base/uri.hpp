// URIs, RFC 3986, taken apart. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bw/base/error.hpp"

namespace bw {

struct Uri {
    std::string text;       // as it was given
    std::string scheme;     // in lower case; empty where the text names none, as a bare path does
    std::string authority;  // what stands between "//" and the path, as it was given; or empty
    // Decoded, and without a NUL. A "?" or "#" belongs to the path, since names of files hold both. Where
    // there is no scheme: the text.
    std::string path;
};

// Throws Error of the kind `mistake` for a % that is not followed by two hex digits, and for %00.
Uri parse_uri(std::string_view text, ErrorKind mistake);

// "a%20b" is "a b"; nothing where two hex digits do not follow each %.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace bw
