// libseccomp: which system calls are left.
#pragma once

namespace bw::sandbox {

// Whether a file may be opened so that it is made empty. Landlock before version 3 does not look at that.
enum class Truncation { kAllowed, kForbidden };

// From now on, for this process: only calls that a worker needs, and of those that may act on another process
// only what acts on this one. All others fail with EPERM. A call by another architecture's numbers (i386,
// x32) ends the process. False where the kernel has no seccomp. Needs PR_SET_NO_NEW_PRIVS.
bool forbid_calls(Truncation truncation);

}  // namespace bw::sandbox
