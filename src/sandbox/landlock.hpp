// Landlock by its system calls: which files this thread, and those that it starts, may still open.
#pragma once

#include "bw/base/needs.hpp"

namespace bw::sandbox {

// The first version of Landlock that looks at whether a file is made shorter.
inline constexpr int kLooksAtTruncation = 3;

// Leaves what `needs` (of kRead and kWrite) name, and skips paths that are not there. Returns the version of
// Landlock (its ABI) that is in force, or 0 where the kernel has none. Needs PR_SET_NO_NEW_PRIVS.
int confine_files(const Needs& needs);

}  // namespace bw::sandbox
