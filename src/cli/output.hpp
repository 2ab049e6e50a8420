// What a command answers goes to standard output, and its log to standard error.
#pragma once

#include <string_view>

namespace bw::cli {

// Writes all of the text. Throws Error (kOutput) where standard output does not take it: whoever reads an
// answer must not take half of one, or none, for the whole.
void print(std::string_view text);

}  // namespace bw::cli
