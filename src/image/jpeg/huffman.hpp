// Huffman's code lengths, limited to what a format can hold. Pure; any thread.
#pragma once

#include <vector>

namespace bw::image::jpeg {

// The number of bits for each of the symbols whose weights (how often it comes, 0 or more) these are, at most
// `longest`; a symbol of the least weight has the most bits. At least two symbols, at most 2 ^ (longest - 1).
std::vector<int> code_lengths(std::vector<long> weights, int longest);

}  // namespace bw::image::jpeg
