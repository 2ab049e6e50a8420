#include "seccomp.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "sanitized.hpp"

namespace bw::sandbox {
namespace {

// A list of what is left, and not of what is forbidden: a call that libseccomp or we do not know is closed.
// What this system's libseccomp or architecture does not have is passed over; the second lines of a group are
// the names that 32-bit architectures have beside them.
constexpr std::initializer_list<const char*> kAllowed{
    // to read and write what is open, and to wait for it
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
    "lseek", "sendfile", "copy_file_range", "splice", "fadvise64", "readahead", "close", "close_range", "dup",
    "dup2", "dup3", "pipe", "pipe2", "eventfd", "eventfd2", "poll", "ppoll", "select", "pselect6",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "_llseek",
    "sendfile64", "fadvise64_64", "arm_fadvise64_64", "_newselect", "ppoll_time64", "pselect6_time64",
    // to open files, where Landlock lets it, and to look at names
    "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "umask", "stat64", "lstat64",
    "fstat64", "fstatat64", "statfs64", "fstatfs64",
    // to commit a result
    "ftruncate", "fallocate", "flock", "fsync", "fdatasync", "sync_file_range", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "ftruncate64", "sync_file_range2",
    // the server; nobody can connect to us
    "connect", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown", "sendto",
    "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "send", "recv", "recvmmsg_time64",
    // memory
    "brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "mincore", "msync", "mlock", "mlock2",
    "munlock", "pkey_alloc", "pkey_free", "pkey_mprotect", "memfd_create", "membarrier", "get_mempolicy",
    "mmap2", "cacheflush", "riscv_flush_icache",
    // threads, signals and the end; what others' processors and priorities are may be read
    "futex", "futex_waitv", "set_tid_address", "set_robust_list", "rseq", "arch_prctl", "sched_yield",
    "sched_getaffinity", "sched_getscheduler", "sched_getparam", "sched_getattr", "sched_rr_get_interval",
    "sched_get_priority_max", "sched_get_priority_min", "getcpu", "restart_syscall", "rt_sigaction",
    "rt_sigprocmask", "rt_sigpending", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sigaltstack",
    "signalfd", "signalfd4", "pause", "wait4", "waitid", "exit", "exit_group", "futex_time64",
    "rt_sigtimedwait_time64", "sigreturn", "set_thread_area", "set_tls", "waitpid",
    // clocks
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "alarm",
    "getitimer", "setitimer", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime", "clock_gettime64",
    "clock_getres_time64", "clock_nanosleep_time64", "timer_gettime64", "timer_settime64",
    "timerfd_gettime64", "timerfd_settime64",
    // who and where we are
    "getpid", "gettid", "getppid", "getpgrp", "getuid", "geteuid", "getgid", "getegid", "getresuid",
    "getresgid", "getgroups", "getrlimit", "setrlimit", "getrusage", "sysinfo", "uname", "getrandom",
    "ugetrlimit", "getuid32", "geteuid32", "getgid32", "getegid32", "getresuid32", "getresgid32",
    "getgroups32"};

// LeakSanitizer stops and reads our threads with them.
constexpr std::initializer_list<const char*> kAllowedToSanitizers{"ptrace", "process_vm_readv"};

// Their first argument names a process, and 0 or less stands for several or for none.
constexpr std::initializer_list<const char*> kSignals{"kill", "tgkill", "rt_sigqueueinfo",
                                                      "rt_tgsigqueueinfo"};

// FS_IOC_SETFLAGS is not among them, since it changes a file that may only be read, nor is TIOCSTI, which
// types into our terminal, nor any request of a device.
constexpr std::initializer_list<std::uint64_t> kRequests{FIONREAD, FIONBIO, TCGETS, TIOCGWINSZ};

constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

// What <sys/prctl.h> of Debian 12 does not name, or not everywhere.
constexpr std::uint64_t kCoreScheduling = 62;  // the first option of prctl that takes another process
constexpr std::uint64_t kNameOfMemory = 0x53564d41;

// An argument of 32 bits: the kernel does not look at the rest of the register.
constexpr scmp_arg_cmp is(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, 0xffffffff, value};
}

class Filter {
  public:
    // A call that is not allowed fails with EPERM.
    Filter() : filter_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release), good_(filter_ != nullptr) {
        good_ = good_ && seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
        // Calls are looked up in a tree; in a chain each would cost up to 200 comparisons.
        good_ = good_ && seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
    }

    // Allows a call whose arguments fulfil all of the conditions. Rules for one call add to each other.
    void allow(const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
        add(SCMP_ACT_ALLOW, name, conditions);
    }
    void answer(const char* name, unsigned error_number) { add(SCMP_ACT_ERRNO(error_number), name, {}); }

    bool load() { return good_ && seccomp_load(filter_.get()) == 0; }

  private:
    void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
        const int number = seccomp_syscall_resolve_name(name);
        if (!good_ || number == __NR_SCMP_ERROR) return;
        good_ = seccomp_rule_add_array(filter_.get(), action, number,
                                       static_cast<unsigned>(conditions.size()), conditions.begin()) == 0;
    }

    const std::unique_ptr<void, decltype(&seccomp_release)> filter_;
    bool good_;
};

void allow_on_itself(Filter& filter) {
    const auto own = static_cast<std::uint64_t>(::getpid());
    filter.allow("prlimit64", {is(0, 0)});  // the calling process
    filter.allow("prlimit64", {is(0, own)});
    for (const char* name : kSignals) filter.allow(name, {is(0, own)});
    filter.allow("prctl", {{0, SCMP_CMP_LT, kCoreScheduling, 0}});
    filter.allow("prctl", {is(0, kNameOfMemory)});
    if (kSanitized) filter.allow("prctl", {is(0, PR_SET_PTRACER)});
}

// Threads only: a new process would have a number that the rules above do not know.
void allow_threads(Filter& filter) {
    const std::uint64_t wanted = kSanitized ? 0 : CLONE_THREAD;  // LeakSanitizer makes a process
    filter.allow("clone", {{0, SCMP_CMP_MASKED_EQ, kNamespaces | wanted, wanted}});
    // Its flags lie in memory, where no filter can look; the C library then takes clone().
    filter.answer("clone3", ENOSYS);
}

// The sockets that are left are TCP's and UDP's, and the one that getaddrinfo() asks for our addresses. A
// socket with a path cannot be made.
void allow_sockets(Filter& filter) {
    constexpr std::uint64_t kType = 0xf;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
    for (const std::uint64_t family : std::initializer_list<std::uint64_t>{AF_INET, AF_INET6}) {
        for (const std::uint64_t type : std::initializer_list<std::uint64_t>{SOCK_STREAM, SOCK_DGRAM}) {
            filter.allow(
                "socket",
                {is(0, family), {1, SCMP_CMP_MASKED_EQ, kType, type}, {2, SCMP_CMP_LE, IPPROTO_UDP, 0}});
        }
    }
    filter.allow("socket", {is(0, AF_NETLINK), is(2, NETLINK_ROUTE)});
}

// Leaves out the commands that send signals to others (F_SETOWN) or make others wait (F_SETLEASE).
void allow_control_of_files(Filter& filter) {
    for (const char* name : {"fcntl", "fcntl64"}) {
        filter.allow(name, {{1, SCMP_CMP_LT, F_SETOWN, 0}});
        filter.allow(name, {is(1, F_DUPFD_CLOEXEC)});
    }
    for (const auto request : kRequests) filter.allow("ioctl", {is(1, request)});
}

// openat2's flags lie in memory, so it is not looked at here.
void allow_opening(Filter& filter, Truncation truncation) {
    if (truncation == Truncation::kAllowed) {
        filter.allow("open");
        filter.allow("openat");
    } else {
        filter.allow("open", {{1, SCMP_CMP_MASKED_EQ, O_TRUNC, 0}});
        filter.allow("openat", {{2, SCMP_CMP_MASKED_EQ, O_TRUNC, 0}});
    }
}

}  // namespace

bool forbid_calls(Truncation truncation) {
    Filter filter;
    for (const char* name : kAllowed) filter.allow(name);
    if (kSanitized) {
        for (const char* name : kAllowedToSanitizers) filter.allow(name);
    }
    allow_on_itself(filter);
    allow_threads(filter);
    allow_sockets(filter);
    allow_control_of_files(filter);
    allow_opening(filter, truncation);
    return filter.load();
}

}  // namespace bw::sandbox
