// What each exit code of bw means, for whoever reads a manual. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace bw {

struct ExitCode {
    int code;
    std::string_view meaning;  // docs/exit-codes.md has the same words
};

// From 0 on, without a gap.
std::span<const ExitCode> exit_codes();

}  // namespace bw
