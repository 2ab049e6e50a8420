#include <algorithm>

#include "excess.hpp"
#include "reader.hpp"

namespace bw::image::headers {
namespace {

// Each application block takes ImageMagick 8 KB and more.
constexpr std::uint64_t kMaxApplications = 1000;
// The time of ImageMagick's GIF encoder grows with the square of a comment.
constexpr std::uint64_t kMaxCommentBytes = 1 << 20;

constexpr std::uint64_t kExtension = '!';
constexpr std::uint64_t kFrame = ',';
constexpr std::uint64_t kEnd = ';';
constexpr std::uint64_t kApplication = 0xff;
constexpr std::uint64_t kComment = 0xfe;

// The bytes that a palette takes, by the flags that announce it.
std::uint64_t palette_bytes(std::uint64_t flags) {
    return (flags & 0x80U) == 0 ? 0 : std::uint64_t{3} << ((flags & 7U) + 1);
}

// What a file carries beside its frames, as ImageMagick meets it.
class Extensions {
  public:
    explicit Extensions(std::string_view bytes) : gif_{bytes} {
        constexpr std::uint64_t kScreen = 13;  // the signature and the size of the screen
        at_ = kScreen + palette_bytes(gif_.number(kScreen - 3, 1));
        while (at_ < bytes.size()) {
            const auto block = next_byte();
            if (block == kEnd) break;
            // ImageMagick passes over bytes that begin no block, and reads a frame after an extension with a
            // frame's label.
            if (block == kFrame || (block == kExtension && pass_extension() == kFrame)) pass_frame();
        }
    }

    std::uint64_t applications = 0;
    std::uint64_t comment_bytes = 0;

  private:
    std::uint64_t next_byte() { return gif_.number(at_++, 1); }

    // Returns its label.
    std::uint64_t pass_extension() {
        const auto label = next_byte();
        const auto content = pass_parts();
        if (label == kApplication) ++applications;
        if (label == kComment) comment_bytes += content;
        return label;
    }

    void pass_frame() {
        constexpr std::uint64_t kDescription = 9;  // place, size, flags
        constexpr std::uint64_t kCodeWidth = 1;
        at_ += kDescription + palette_bytes(gif_.number(at_ + kDescription - 1, 1)) + kCodeWidth;
        pass_parts();
    }

    // Parts of at most 255 bytes each, until an empty one. Returns how many bytes they hold.
    std::uint64_t pass_parts() {
        std::uint64_t content = 0;
        while (const auto size = next_byte()) {
            content += size;
            at_ += size;
        }
        return content;
    }

    Reader gif_;
    std::uint64_t at_ = 0;
};

}  // namespace

std::optional<std::string> excess_of_gif(std::string_view bytes, std::uint64_t) {
    const Extensions extensions(bytes);
    if (auto excess = more_than(kMaxApplications, extensions.applications, "application blocks"))
        return excess;
    return more_than(kMaxCommentBytes, extensions.comment_bytes, "bytes of comments");
}

}  // namespace bw::image::headers
