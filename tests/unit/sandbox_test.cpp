// Each test enters the sandbox in a child process of its own, since no process can leave it again.
#include "bw/sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "sandbox/sanitized.hpp"
#include "sandbox/seccomp.hpp"

namespace bw {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

// The errno of a call that may fail with -1, or 0.
template <typename Result>
int reason(Result result) {
    return result == -1 ? errno : 0;
}

int open_reason(const fs::path& path, int flags) {
    return reason(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

std::string in_force(const log::Fields& fields, std::string_view name) {
    for (const auto& field : fields) {
        if (field.name != name) continue;
        if (const auto* number = std::get_if<std::int64_t>(&field.value)) return std::to_string(*number);
        if (const auto* none = std::get_if<log::NoNumber>(&field.value)) return std::string(none->why);
        return std::get<std::string>(field.value);
    }
    return "";
}

class Sandbox : public testing::Test {
  protected:
    Sandbox() {
        for (const auto& folder : {out(), roots(), secrets(), elsewhere()}) fs::create_directories(folder);
        for (const auto& file : {roots() / "in", secrets() / "key", elsewhere() / "other"}) {
            std::ofstream(file) << "text";
        }
    }
    ~Sandbox() override { fs::remove_all(folder_); }

    fs::path out() const { return folder_ / "out"; }
    fs::path roots() const { return folder_ / "in"; }
    fs::path secrets() const { return folder_ / "secrets"; }
    fs::path elsewhere() const { return folder_ / "elsewhere"; }
    SandboxSettings confined() const {
        return with({{Need::Kind::kWrite, out()},
                     {Need::Kind::kRead, roots()},
                     {Need::Kind::kReadReplaced, ""},
                     {Need::Kind::kReadReplaced, secrets() / "key"}});
    }
    SandboxSettings reading_all() const {
        return with({{Need::Kind::kWrite, out()}, {Need::Kind::kRead, "/"}});
    }
    static SandboxSettings with(Needs needs) {
        return {.needs = std::move(needs), .max_memory_bytes = 64 * kMiB, .max_file_bytes = 16 * kMiB};
    }

    // Runs `check` in a sandbox in a child; the expectations that fail there are on standard error.
    static void inside(const SandboxSettings& settings, const std::function<void()>& check) {
        EXPECT_EXIT(
            {
                enter_sandbox(settings);
                check();
                std::_Exit(HasFailure() ? 1 : 0);
            },
            testing::ExitedWithCode(0), "");
    }

    // GoogleTest gives its children a file for standard error.
    static void log_to_no_file() { ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO); }

    // Whether this kernel has Landlock; asked for outside, since the sandbox answers no such question.
    bool landlock() const { return landlock_; }

  private:
    const bool landlock_ = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, 1U) > 0;
    const fs::path folder_ = [] {
        std::string name = fs::temp_directory_path() / "bw-sandbox-XXXXXX";
        return fs::path(::mkdtemp(name.data()));
    }();
};

TEST_F(Sandbox, SaysWhatIsInForce) {
    EXPECT_EXIT(
        {
            log_to_no_file();
            const auto fields = enter_sandbox(confined());
            EXPECT_EQ(in_force(fields, "seccomp"), "on");
            EXPECT_EQ(in_force(fields, "landlock") != "unavailable", landlock());
            EXPECT_GT(std::stoull("0" + in_force(fields, "file_size_limit")), 64 * kMiB);
            std::_Exit(HasFailure() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
}

TEST_F(Sandbox, NoNewPrograms) {
    inside(confined(), [] {
        const char* const arguments[]{"true", nullptr};
        EXPECT_EQ(reason(::execv("/bin/true", const_cast<char* const*>(arguments))), EPERM);
        EXPECT_EQ(reason(::fexecve(0, const_cast<char* const*>(arguments), environ)), EPERM);
    });
}

TEST_F(Sandbox, NothingThatAWorkerNeverNeeds) {
    inside(confined(), [] {
        if (!sandbox::kSanitized) {
            EXPECT_EQ(reason(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)), EPERM);
        }
        EXPECT_EQ(reason(::unshare(CLONE_NEWUSER)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_clone3, nullptr, 0)), ENOSYS);
        EXPECT_EQ(reason(::chroot("/")), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_bpf, 0, nullptr, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_io_uring_setup, 1, nullptr)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_keyctl, 0, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_open_by_handle_at, -1, nullptr, 0)), EPERM);
        // Not ::setuid(), which does it in all threads: ThreadSanitizer's was there before.
        EXPECT_EQ(reason(::syscall(SYS_setuid, 1)), EPERM);
    });
}

// Each call is tried on the parent, which is the test program.
TEST_F(Sandbox, NoOtherProcessIsTouched) {
    inside(confined(), [] {
        const pid_t other = ::getppid();
        const rlimit few{3, 3};
        cpu_set_t first{};
        CPU_SET(0, &first);
        const sched_param least{};
        siginfo_t signal{};
        signal.si_code = SI_QUEUE;
        EXPECT_EQ(reason(::syscall(SYS_prlimit64, other, RLIMIT_NOFILE, &few, nullptr)), EPERM);
        EXPECT_EQ(reason(::setpriority(PRIO_PROCESS, static_cast<id_t>(other), 19)), EPERM);
        EXPECT_EQ(reason(::setpriority(PRIO_PGRP, 0, 19)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_ioprio_set, 1, other, 0)), EPERM);
        EXPECT_EQ(reason(::sched_setaffinity(other, sizeof first, &first)), EPERM);
        EXPECT_EQ(reason(::sched_setscheduler(other, SCHED_IDLE, &least)), EPERM);
        EXPECT_EQ(reason(::sched_setparam(other, &least)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_sched_setattr, other, nullptr, 0)), EPERM);
        EXPECT_EQ(reason(::kill(other, 0)), EPERM);
        EXPECT_EQ(reason(::kill(0, 0)), EPERM);
        EXPECT_EQ(reason(::kill(-1, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_tkill, other, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_tgkill, other, other, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_rt_sigqueueinfo, other, SIGURG, &signal)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_pidfd_open, other, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_process_mrelease, -1, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_migrate_pages, other, 0, nullptr, nullptr)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_move_pages, other, 0, nullptr, nullptr, nullptr, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_get_robust_list, other, nullptr, nullptr)), EPERM);
        EXPECT_EQ(reason(::prctl(62 /* PR_SCHED_CORE */, 1, other, 0, nullptr)), EPERM);
        EXPECT_EQ(reason(::setpgid(0, other)), EPERM);
        if (!sandbox::kSanitized) {
            EXPECT_EQ(reason(::syscall(SYS_clone, SIGCHLD, nullptr)), EPERM);
        }
    });
}

// The kernel does not look at the upper half of a register, and the filter must not either.
TEST_F(Sandbox, NoOtherProcessIsTouchedByALongerNumber) {
    inside(confined(), [] {
        constexpr long kUpper = 1L << 32;
        EXPECT_EQ(reason(::syscall(SYS_kill, kUpper | ::getppid(), 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_prlimit64, kUpper | ::getppid(), RLIMIT_NOFILE, nullptr, nullptr)),
                  EPERM);
        EXPECT_EQ(reason(::syscall(SYS_prctl, kUpper | 62, 1, ::getppid(), 0, nullptr)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_socket, kUpper | AF_UNIX, SOCK_STREAM, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_fcntl, STDERR_FILENO, kUpper | F_SETOWN, ::getppid())), EPERM);
    });
}

// Threads, the C library and a clean end need these calls.
TEST_F(Sandbox, TheProcessMayActOnItself) {
    inside(confined(), [] {
        rlimit files{};
        EXPECT_EQ(reason(::prlimit(0, RLIMIT_NOFILE, nullptr, &files)), 0);
        EXPECT_EQ(reason(::prlimit(::getpid(), RLIMIT_NOFILE, &files, nullptr)), 0);
        cpu_set_t cores{};
        EXPECT_EQ(reason(::sched_getaffinity(0, sizeof cores, &cores)), 0);
        // From a thread, which has a number of its own; sanitizers ask in each.
        std::thread([] {
            pthread_attr_t attributes;
            EXPECT_EQ(::pthread_getattr_np(::pthread_self(), &attributes), 0);
            EXPECT_EQ(::pthread_attr_destroy(&attributes), 0);
        }).join();
        EXPECT_EQ(reason(::kill(::getpid(), 0)), 0);
        EXPECT_EQ(::pthread_kill(::pthread_self(), 0), 0);
        EXPECT_EQ(reason(::prctl(PR_SET_NAME, "bw", 0, 0, 0)), 0);
        EXPECT_EQ(reason(::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)), 0);
        EXPECT_EQ(reason(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)), 0);
        EXPECT_EQ(reason(::dup(STDERR_FILENO)), 0);
    });
}

// Landlock does not look at these calls. They are forbidden in OUTDIR too, since a commit needs none of them.
TEST_F(Sandbox, NoFileIsChangedButByWriting) {
    for (const auto& file : {roots() / "in", out() / "result"}) {
        std::ofstream(file) << "text";
        inside(reading_all(), [&file] {
            const char* const name = file.c_str();
            const int open = ::open(name, O_RDONLY | O_CLOEXEC);
            ASSERT_GE(open, 0);
            EXPECT_EQ(reason(::chmod(name, 0777)), EPERM);
            EXPECT_EQ(reason(::fchmod(open, 0777)), EPERM);
            EXPECT_EQ(reason(::fchmodat(AT_FDCWD, name, 0777, 0)), EPERM);
            EXPECT_EQ(reason(::syscall(452 /* fchmodat2 */, AT_FDCWD, name, 0777, 0)), EPERM);
            EXPECT_EQ(reason(::chown(name, ::getuid(), ::getgid())), EPERM);
            EXPECT_EQ(reason(::lchown(name, ::getuid(), ::getgid())), EPERM);
            EXPECT_EQ(reason(::fchown(open, ::getuid(), ::getgid())), EPERM);
            EXPECT_EQ(reason(::utimensat(AT_FDCWD, name, nullptr, 0)), EPERM);
            EXPECT_EQ(reason(::futimens(open, nullptr)), EPERM);
            EXPECT_EQ(reason(::utimes(name, nullptr)), EPERM);
            EXPECT_EQ(reason(::setxattr(name, "user.bw", "x", 1, 0)), EPERM);
            EXPECT_EQ(reason(::lsetxattr(name, "user.bw", "x", 1, 0)), EPERM);
            EXPECT_EQ(reason(::fsetxattr(open, "user.bw", "x", 1, 0)), EPERM);
            EXPECT_EQ(reason(::removexattr(name, "user.bw")), EPERM);
            EXPECT_EQ(reason(::fremovexattr(open, "user.bw")), EPERM);
            EXPECT_EQ(reason(::truncate(name, 0)), EPERM);
            int flags = 0;
            EXPECT_EQ(reason(::ioctl(open, FS_IOC_SETFLAGS, &flags)), EPERM);
            EXPECT_EQ(reason(::fcntl(open, F_SETLEASE, F_RDLCK)), EPERM);
        });
    }
}

TEST_F(Sandbox, NoFileIsWatchedOrOpenedByANumber) {
    inside(reading_all(), [] {
        EXPECT_EQ(reason(::inotify_init1(0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_fanotify_init, 0, 0)), EPERM);
        EXPECT_EQ(reason(::fcntl(STDERR_FILENO, F_NOTIFY, DN_ACCESS)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_name_to_handle_at, AT_FDCWD, "/", nullptr, nullptr, 0)), EPERM);
    });
}

// This is for kernels whose Landlock does not look at truncation.
TEST_F(Sandbox, NoFileIsMadeEmptyOnOldKernels) {
    const auto file = roots() / "in";
    EXPECT_EXIT(
        {
            ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            EXPECT_TRUE(sandbox::forbid_calls(sandbox::Truncation::kForbidden));
            EXPECT_EQ(open_reason(file, O_RDONLY | O_TRUNC), EPERM);
            EXPECT_EQ(open_reason(file, O_WRONLY | O_TRUNC), EPERM);
            EXPECT_EQ(open_reason(file, O_RDONLY), 0);
            EXPECT_EQ(open_reason(out() / "new", O_CREAT | O_EXCL | O_WRONLY), 0);
            std::_Exit(HasFailure() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
}

TEST_F(Sandbox, NothingIsSharedWithOtherProcesses) {
    inside(confined(), [] {
        EXPECT_EQ(reason(::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_shmat, 0, nullptr, 0)), EPERM);
        EXPECT_EQ(reason(::shmctl(0, IPC_RMID, nullptr)), EPERM);
        EXPECT_EQ(reason(::semget(IPC_PRIVATE, 1, IPC_CREAT | 0600)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_semtimedop, 0, nullptr, 0, nullptr)), EPERM);
        EXPECT_EQ(reason(::msgget(IPC_PRIVATE, IPC_CREAT | 0600)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_msgsnd, 0, nullptr, 0, 0)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_mq_open, "bw", O_CREAT | O_RDWR, 0600, nullptr)), EPERM);
        EXPECT_EQ(reason(::syscall(SYS_mq_unlink, "bw")), EPERM);
    });
}

TEST_F(Sandbox, SocketsAreThoseOfTheNetworkOnly) {
    inside(confined(), [] {
        for (const int family : {AF_INET, AF_NETLINK}) {
            EXPECT_EQ(reason(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), 0) << family;
        }
        EXPECT_EQ(reason(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP)), 0);
        for (const int family :
             {AF_UNIX, AF_PACKET, AF_ALG, AF_KEY, AF_BLUETOOTH, AF_VSOCK, AF_XDP, AF_TIPC}) {
            EXPECT_EQ(reason(::socket(family, SOCK_DGRAM, 0)), EPERM) << family;
        }
        EXPECT_EQ(reason(::socket(AF_INET, SOCK_RAW, IPPROTO_TCP)), EPERM);
        EXPECT_EQ(reason(::socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)), EPERM);
        EXPECT_EQ(reason(::socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)), EPERM);
        int pair[2];
        EXPECT_EQ(reason(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)), EPERM);
        EXPECT_EQ(reason(::listen(-1, 1)), EPERM);
        EXPECT_EQ(reason(::accept(-1, nullptr, nullptr)), EPERM);
    });
}

#ifdef __x86_64__
TEST_F(Sandbox, CallsByOtherNumbersEndTheProcess) {
    const auto i386 = [] {
        long number = 20;  // getpid
        asm volatile("int $0x80" : "+a"(number) : : "memory");
    };
    const auto x32 = [] { ::syscall(0x40000000 | SYS_getpid); };
    for (const auto& call : {std::function<void()>(i386), std::function<void()>(x32)}) {
        EXPECT_EXIT(
            {
                enter_sandbox(confined());
                call();
                std::_Exit(0);
            },
            testing::KilledBySignal(SIGSYS), "");
    }
}
#endif

TEST_F(Sandbox, FilesAreMadeInOutdirOnly) {
    if (!landlock()) GTEST_SKIP() << "no Landlock";
    for (const auto& settings : {confined(), reading_all()}) {
        inside(settings, [this] {
            EXPECT_EQ(open_reason(out() / "new", O_CREAT | O_EXCL | O_WRONLY), 0);
            EXPECT_EQ(reason(::rename((out() / "new").c_str(), (out() / "renamed").c_str())), 0);
            EXPECT_EQ(open_reason(out(), O_DIRECTORY), 0);
            EXPECT_EQ(open_reason(roots(), O_DIRECTORY), EACCES);
            EXPECT_EQ(open_reason(out() / "renamed", O_WRONLY | O_TRUNC), 0);
            EXPECT_EQ(reason(::mkdir((out() / "folder").c_str(), 0700)), EPERM);
            EXPECT_EQ(reason(::symlink("/etc/passwd", (out() / "link").c_str())), EPERM);
            EXPECT_EQ(reason(::link((roots() / "in").c_str(), (out() / "hard").c_str())), EPERM);
            EXPECT_EQ(open_reason(roots() / "new", O_CREAT | O_WRONLY), EACCES);
            EXPECT_EQ(open_reason(roots() / "in", O_WRONLY), EACCES);
            EXPECT_EQ(reason(::truncate((roots() / "in").c_str(), 0)), EPERM);
            EXPECT_EQ(open_reason(roots() / "in", O_RDONLY | O_TRUNC), EACCES);
            EXPECT_EQ(reason(::unlink((roots() / "in").c_str())), EACCES);
            EXPECT_EQ(open_reason(fs::temp_directory_path() / "bw-new", O_CREAT | O_WRONLY), EACCES);
            EXPECT_EQ(reason(::unlink((out() / "renamed").c_str())), 0);
        });
    }
}

TEST_F(Sandbox, FilesAreReadBelowTheRootsOnly) {
    if (!landlock()) GTEST_SKIP() << "no Landlock";
    inside(confined(), [this] {
        EXPECT_EQ(open_reason(roots() / "in", O_RDONLY), 0);
        EXPECT_EQ(open_reason(secrets() / "key", O_RDONLY), 0);
        EXPECT_EQ(open_reason(secrets(), O_DIRECTORY), EACCES);
        EXPECT_EQ(open_reason(elsewhere() / "other", O_RDONLY), EACCES);
        EXPECT_EQ(open_reason("/root", O_RDONLY | O_DIRECTORY), EACCES);
        if (!sandbox::kSanitized) {
            EXPECT_EQ(open_reason("/proc/self/environ", O_RDONLY), EACCES);
        }
        EXPECT_EQ(open_reason("/etc/hosts", O_RDONLY), 0);
    });
    inside(reading_all(), [this] { EXPECT_EQ(open_reason(elsewhere() / "other", O_RDONLY), 0); });
}

TEST_F(Sandbox, WhatAReconnectReadsMayBeReplaced) {
    if (!landlock()) GTEST_SKIP() << "no Landlock";
    // Kubernetes does it like this: the name leads over a link into a folder elsewhere.
    fs::create_symlink(elsewhere(), roots() / "..data");
    const auto settings = with({{Need::Kind::kReadReplaced, secrets() / "key"},
                                {Need::Kind::kReadReplaced, roots() / "..data" / "other"}});
    inside(settings, [this] {
        EXPECT_EQ(open_reason(secrets() / "key", O_RDONLY), 0);
        EXPECT_EQ(open_reason(roots() / "..data" / "other", O_RDONLY), 0);
        EXPECT_EQ(open_reason(roots() / "in", O_RDONLY), EACCES);
    });
    EXPECT_EXIT(
        {
            int ready[2];
            int go[2];
            if (::pipe(ready) != 0 || ::pipe(go) != 0) std::_Exit(2);
            const pid_t child = ::fork();
            if (child == 0) {
                enter_sandbox(settings);
                char byte = 0;
                if (::write(ready[1], "x", 1) != 1 || ::read(go[0], &byte, 1) != 1) std::_Exit(2);
                std::_Exit(open_reason(secrets() / "key", O_RDONLY) == 0 ? 0 : 1);
            }
            char byte = 0;
            if (::read(ready[0], &byte, 1) != 1) std::_Exit(2);
            std::ofstream(secrets() / "next") << "next";
            fs::rename(secrets() / "next", secrets() / "key");
            if (::write(go[1], "x", 1) != 1) std::_Exit(2);
            int status = 0;
            ::waitpid(child, &status, 0);
            std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
        },
        testing::ExitedWithCode(0), "");
}

TEST_F(Sandbox, EveryDirectoryOfCertificatesIsRead) {
    if (!landlock()) GTEST_SKIP() << "no Landlock";
    ::setenv("SSL_CERT_DIR", (elsewhere().string() + "::" + secrets().string()).c_str(), 1);
    inside(with({}), [this] {
        EXPECT_EQ(open_reason(elsewhere() / "other", O_RDONLY), 0);
        EXPECT_EQ(open_reason(secrets() / "key", O_RDONLY), 0);
        EXPECT_EQ(open_reason(roots() / "in", O_RDONLY), EACCES);
    });
    ::unsetenv("SSL_CERT_DIR");
}

TEST_F(Sandbox, BindsThreadsThatStartLater) {
    inside(confined(), [this] {
        std::thread([this] {
            EXPECT_EQ(reason(::chroot("/")), EPERM);
            if (landlock()) {
                EXPECT_EQ(open_reason(roots() / "new", O_CREAT | O_WRONLY), EACCES);
            }
        }).join();
    });
}

TEST_F(Sandbox, MemoryEnds) {
    if (sandbox::kSanitized) GTEST_SKIP() << "sanitizers need more";
    inside(confined(), [] {
        const std::unique_ptr<void, decltype(&std::free)> fits(std::malloc(96 * kMiB), std::free);
        EXPECT_NE(fits, nullptr);
        EXPECT_EQ(std::malloc(400 * kMiB), nullptr);
    });
}

TEST_F(Sandbox, FilesEnd) {
    EXPECT_EXIT(
        {
            log_to_no_file();
            enter_sandbox(confined());
            const int file = ::open((out() / "long").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            EXPECT_EQ(reason(::pwrite(file, "x", 1, 64 * kMiB)), 0);
            EXPECT_EQ(reason(::pwrite(file, "x", 1, 1024 * kMiB)), EFBIG);
            std::_Exit(HasFailure() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
}

// With the limit, a log that has become as long as it would take no further line.
TEST_F(Sandbox, NoLimitEndsALogThatIsAFile) {
    EXPECT_EXIT(
        {
            const int log = ::open((out() / "log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            const int before = ::dup(STDERR_FILENO);
            ::dup2(log, STDERR_FILENO);
            const auto fields = enter_sandbox(confined());
            EXPECT_EQ(in_force(fields, "file_size_limit"), "off: the log is a file");
            EXPECT_EQ(reason(::pwrite(log, "x", 1, 1024 * kMiB)), 0);
            ::dup2(before, STDERR_FILENO);
            std::_Exit(HasFailure() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bw
