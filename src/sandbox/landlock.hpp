// Landlock by its system calls: which files this thread, and those that it starts, may still open.
#pragma once

#include <filesystem>
#include <span>

namespace bw::sandbox {

// Reading is left below `readable`, all that a commit needs in `outdir`; paths that are not there are
// skipped. The ABI in force, or 0 where the kernel has none. Needs PR_SET_NO_NEW_PRIVS.
int confine_files(std::span<const std::filesystem::path> readable, const std::filesystem::path& outdir);

}  // namespace bw::sandbox
