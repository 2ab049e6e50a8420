// libseccomp: which system calls are left.
#pragma once

namespace bw::sandbox {

// From now on, for this process: no new programs, and nothing that a worker never needs and attackers like;
// those calls fail with EPERM. A call by another architecture's numbers (i386, x32) ends the process. False
// where the kernel has no seccomp. Needs PR_SET_NO_NEW_PRIVS.
bool forbid_calls();

}  // namespace bw::sandbox
