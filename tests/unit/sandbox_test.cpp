// Each in a child of its own, since nobody comes back out of a sandbox.
#include "bw/sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

    // Whether this kernel has Landlock.
    static bool landlock() { return ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, 1U) > 0; }

  private:
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
            EXPECT_EQ(reason(::mkdir((out() / "folder").c_str(), 0700)), EACCES);
            EXPECT_EQ(reason(::symlink("/etc/passwd", (out() / "link").c_str())), EACCES);
            EXPECT_EQ(reason(::link((roots() / "in").c_str(), (out() / "hard").c_str())), EXDEV);
            EXPECT_EQ(open_reason(roots() / "new", O_CREAT | O_WRONLY), EACCES);
            EXPECT_EQ(open_reason(roots() / "in", O_WRONLY), EACCES);
            EXPECT_EQ(reason(::truncate((roots() / "in").c_str(), 0)), EACCES);
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
    // As Kubernetes has it: a name that leads over a link into a folder elsewhere.
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

// The limit would end it: a log of gigabytes takes no line more.
TEST_F(Sandbox, ALogThatIsAFileDoesNot) {
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
