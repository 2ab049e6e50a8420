#include <algorithm>

#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

constexpr std::uint64_t kMaxCommentBytes = 1 << 16;

bool ends_number(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#'; }

// In the first header, up to its last number: bits have no maximum.
std::size_t comment_bytes_of(std::string_view bytes) {
    std::size_t in_comments = 0;
    std::size_t at = 2;
    for (int numbers = bytes[1] == '1' || bytes[1] == '4' ? 2 : 3; numbers > 0; --numbers) {
        at = bytes.find_first_not_of(" \t\r\n", at);
        while (at < bytes.size() && bytes[at] == '#' && in_comments <= kMaxCommentBytes) {
            const auto end = std::min(bytes.find('\n', at), bytes.size());
            in_comments += end - at;
            at = bytes.find_first_not_of(" \t\r\n", end);
        }
        while (at < bytes.size() && !ends_number(bytes[at])) ++at;
    }
    return in_comments;
}

}  // namespace

std::optional<std::string> excess_of_pnm(std::string_view bytes, std::uint64_t) {
    return more_than(kMaxCommentBytes, comment_bytes_of(bytes), "bytes of comments in its header");
}

}  // namespace bw::image::headers
