#include <algorithm>

#include "../extent.hpp"
#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

// ImageMagick needs a time that grows with the square of a picture's comments.
constexpr std::uint64_t kMaxCommentBytes = 1 << 16;

// Counts the bytes of all comments where ImageMagick reads them.
class Comments {
  public:
    explicit Comments(std::string_view pnm) : pnm_(pnm) {
        bool more = true;
        while (more && pnm_.substr(std::min(at_, pnm_.size())).starts_with('P')) more = pass_picture();
    }

    std::uint64_t comment_bytes = 0;

  private:
    // Whether another picture may follow.
    bool pass_picture() {
        const char kind = at_ + 1 < pnm_.size() ? pnm_[at_ + 1] : '\0';
        at_ += 2;
        if (kind < '4' || kind > '6') {
            // The pixels are written as text, and comments may stand between all of them; or only ImageMagick
            // knows this kind.
            pass_words();
            return false;
        }
        const auto columns = next_number();
        const auto rows = next_number();
        const auto largest = kind == '4' ? 1 : next_number();
        const std::uint64_t sample_bytes = largest > 65535 ? 4 : largest > 255 ? 2 : 1;
        const auto row_bytes = kind == '4' ? saturated_sum(columns, 7) / 8
                                           : saturated_product(columns, sample_bytes * (kind == '6' ? 3 : 1));
        const auto pixel_bytes = saturated_product(row_bytes, rows);
        if (pixel_bytes >= pnm_.size()) return false;
        at_ += pixel_bytes;
        return true;
    }

    // One byte behind a number ends it, whatever it is. A comment may stand on both sides of the number.
    std::uint64_t next_number() {
        int byte = next_byte();
        while (is_blank(byte)) byte = next_byte();
        std::uint64_t number = 0;
        for (; byte >= '0' && byte <= '9'; byte = next_byte()) {
            number = saturated_sum(saturated_product(number, 10), static_cast<std::uint64_t>(byte - '0'));
        }
        return number;
    }

    // The next byte that is in no comment. The end of a line that ends a comment is such a byte. -1 is the
    // end of the file.
    int next_byte() {
        if (at_ >= pnm_.size()) return -1;
        if (pnm_[at_] == '#') pass_comment();
        return at_ < pnm_.size() ? static_cast<unsigned char>(pnm_[at_++]) : -1;
    }

    static bool is_blank(int byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

    void pass_words() {
        while ((at_ = pnm_.find('#', at_)) < pnm_.size()) pass_comment();
    }

    void pass_comment() {
        const auto end = std::min(pnm_.find_first_of("\r\n", at_), pnm_.size());
        comment_bytes += end - at_;
        at_ = end;
    }

    std::string_view pnm_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<std::string> excess_of_pnm(std::string_view bytes, std::uint64_t) {
    return more_than(kMaxCommentBytes, Comments(bytes).comment_bytes, "bytes of comments");
}

}  // namespace bw::image::headers
