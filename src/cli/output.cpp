#include "output.hpp"

#include <cerrno>
#include <cstdio>

#include "bw/base/error.hpp"

namespace bw::cli {

void print(std::string_view text) {
    const bool written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return;
    throw Error(ErrorKind::kOutput, "standard output",
                "standard output does not take the answer: " + system_reason(errno));
}

}  // namespace bw::cli
