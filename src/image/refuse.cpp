#include "refuse.hpp"

namespace bw::image {

void refuse(const std::string& what) { throw Error(ErrorKind::kImage, "image", what); }

void refuse_as_too_large(const std::string& what, std::uint64_t max_memory_bytes) {
    throw too_large(what, max_memory_bytes);
}

Error too_large(const std::string& what, std::uint64_t max_memory_bytes) {
    return {ErrorKind::kImage, "image",
            "the image does not fit into BW_MAX_MEMORY (" + std::to_string(max_memory_bytes) +
                " bytes): " + what};
}

}  // namespace bw::image
