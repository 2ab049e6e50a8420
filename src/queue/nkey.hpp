#pragma once

#include <string>

namespace bw {

// The public key (U…) of the nkey whose seed (SU…) stands in a file. libnats wants it beside the seed, while
// all that people have is the seed's file. Throws Error (kConfiguration).
std::string public_nkey(const std::string& seed_file);

}  // namespace bw
