// Percent-encoding, RFC 3986. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bw {

// "a%20b" is "a b"; nothing where two hex digits do not follow each %.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace bw
