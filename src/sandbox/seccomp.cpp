#include "seccomp.hpp"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "sanitized.hpp"

namespace bw::sandbox {
namespace {

// By name: what this system's libseccomp or architecture does not have is passed over.
constexpr std::array kForbidden{
    // new programs
    "execve", "execveat", "uselib",
    // other processes
    "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    // another view of the file system, and ways around Landlock and the modes of files
    "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
    "fspick", "pivot_root", "chroot", "unshare", "setns", "mknod", "mknodat", "open_by_handle_at", "quotactl",
    "quotactl_fd", "fanotify_init", "swapon", "swapoff",
    // other users
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
    "capset",
    // large parts of the kernel, with a history
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "keyctl", "add_key", "request_key", "personality", "modify_ldt", "vmsplice", "lookup_dcookie",
    "nfsservctl", "_sysctl",
    // the machine
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog",
    "acct", "iopl", "ioperm", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime",
    "sethostname", "setdomainname", "vhangup"};

constexpr std::array<std::uint64_t, 7> kNamespaces{CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                                   CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
// Typing into the terminal that we were started from.
constexpr std::array<std::uint64_t, 2> kTerminalInput{TIOCSTI, TIOCLINUX};

bool forbid(scmp_filter_ctx filter, const char* name, int reason = EPERM) {
    const int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ||
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(reason)), number, 0) == 0;
}

bool forbid_if(scmp_filter_ctx filter, int number, const scmp_arg_cmp& condition) {
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), number, 1, &condition) == 0;
}

bool fill(scmp_filter_ctx filter) {
    bool good = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
    for (const char* name : kForbidden) good = good && forbid(filter, name);
    // LeakSanitizer stops our threads with it.
    if (!kSanitized) good = good && forbid(filter, "ptrace");
    // Its flags lie in memory, where no filter can look; the C library then takes clone().
    good = good && forbid(filter, "clone3", ENOSYS);
    for (const auto flag : kNamespaces) {
        good = good && forbid_if(filter, SCMP_SYS(clone), {0, SCMP_CMP_MASKED_EQ, flag, flag});
    }
    for (const auto request : kTerminalInput) {
        // The kernel looks at 32 bits only.
        good = good && forbid_if(filter, SCMP_SYS(ioctl), {1, SCMP_CMP_MASKED_EQ, 0xffffffff, request});
    }
    return good && seccomp_load(filter) == 0;
}

}  // namespace

bool forbid_calls() {
    const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW),
                                                                   seccomp_release);
    return filter != nullptr && fill(filter.get());
}

}  // namespace bw::sandbox
