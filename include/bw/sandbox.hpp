// What the process gives up once it has all that it needs to work on files of strangers: new programs and
// most of what attackers want of a kernel (seccomp), files elsewhere (Landlock), memory and file sizes
// without end (rlimits). For good: nothing in here can be taken back, not by root either. The only room that
// knows libseccomp and Landlock.
#pragma once

#include <cstdint>

#include "bw/base/log.hpp"
#include "bw/base/needs.hpp"

namespace bw {

struct SandboxSettings {
    Needs needs;  // what stays open beside what host names and TLS need; the rest closes
    std::uint64_t max_memory_bytes = 0;  // for the pixels of one image, and its decoder's needs
    std::uint64_t max_file_bytes = 0;    // of one input
};

// Once, after coders and other plug-ins are loaded and before any other thread exists: Landlock binds a
// thread and those that it starts. Host names and TLS work on, since /etc and the files of the C library and
// of OpenSSL stay readable. The kernel's rules are for the directories that bear the names now: one that is
// removed and made again, or mounted over, is closed.
// Returns what is in force, for the log; what the kernel has not is "unavailable" there, never a failure.
log::Fields enter_sandbox(const SandboxSettings& settings);

}  // namespace bw
