// What the process gives up once it has all that it needs to work on files of strangers: new programs and
// most of what attackers want of a kernel (seccomp), files elsewhere (Landlock), memory and file sizes
// without end (rlimits). For good: nothing in here can be taken back, not by root either. The only room that
// knows libseccomp and Landlock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "bw/base/log.hpp"

namespace bw {

struct SandboxSettings {
    std::filesystem::path outdir;                    // the only directory that takes files
    std::vector<std::filesystem::path> input_roots;  // read with all below them; none: every file is
    std::vector<std::filesystem::path>
        connection_files;                // what a reconnect reads again; empty paths are skipped
    std::uint64_t max_memory_bytes = 0;  // for the pixels of one image, and its decoder's needs
    std::uint64_t max_file_bytes = 0;    // of one input
};

// Once, after coders and other plug-ins are loaded and before any other thread exists: Landlock binds a
// thread and those that it starts. Host names and TLS work on: /etc, the C library's and OpenSSL's files and
// the directories of `connection_files` stay readable, so that files there may be replaced. Rules bind to the
// directories that bear the names now: one that is removed and made again, or mounted over, is closed.
// Returns what is in force, for the log; what the kernel has not is "unavailable" there, never a failure.
log::Fields enter_sandbox(const SandboxSettings& settings);

}  // namespace bw
