// Base64, by OpenSSL. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bw {

std::string to_base64(std::string_view bytes);

// Nothing for what is no base64, as to_base64() writes it.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace bw
