// Base64, by OpenSSL. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace bw {

std::string to_base64(std::string_view bytes);

// Empty for what is no base64.
std::string from_base64(std::string_view text);

}  // namespace bw
