// Says in words what each exit code of bw means, for the manual. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace bw {

struct ExitCode {
    int code;
    std::string_view meaning;  // docs/exit-codes.md has the same words
};

// The codes begin at 0 and have no gap.
std::span<const ExitCode> exit_codes();

}  // namespace bw
