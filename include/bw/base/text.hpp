// What a name may hold. Pure; any thread.
#pragma once

#include <string_view>

namespace bw {

// Whether UTF-8 holds C0, DEL or C1 (U+0080 to U+009F): what no name of an output may hold.
bool has_control_character(std::string_view utf8);

}  // namespace bw
