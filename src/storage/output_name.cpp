#include <filesystem>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "bw/storage.hpp"

namespace bw {
namespace {

// Linux's limit for one name in a path.
constexpr std::size_t kMaxNameBytes = 255;

}  // namespace

OutputName output_name(const std::string& id, const Uri& image) {
    OutputName name{.id = id, .extension = std::filesystem::path(image.path).extension().string()};
    if (has_control_character(name.extension) || name.extension.find('\\') != std::string::npos) {
        throw Error(ErrorKind::kJob, image.text,
                    "the image's extension holds a backslash or control character");
    }
    if (name.text().size() <= kMaxNameBytes) return name;
    throw Error(ErrorKind::kJob, name.text(),
                "id and extension together have more than " + std::to_string(kMaxNameBytes) + " bytes");
}

}  // namespace bw
