#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "bw/base/error.hpp"
#include "bw/storage.hpp"

// Which temporary files a sweep removes, and which it never does.
namespace bw {
namespace {

namespace fs = std::filesystem;

class TemporariesTest : public testing::Test {
  protected:
    TemporariesTest() {
        std::string pattern = fs::temp_directory_path() / "bw-test-XXXXXX";
        out_ = ::mkdtemp(pattern.data());
        sink_ = open_sink({.outdir = out_, .min_free_bytes = 1});
    }
    ~TemporariesTest() override { fs::remove_all(out_); }

    void write(const std::string& name) const { std::ofstream(out_ / name) << "half a picture"; }
    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(out_)) found.insert(entry.path().filename());
        return found;
    }

    fs::path out_;
    std::unique_ptr<Sink> sink_;
};

const std::string kTemporary = ".bw-0123456789abcdef.tmp";

// Another process that holds the lock, as a worker in the middle of a commit does.
class Writer {
  public:
    explicit Writer(const fs::path& file) {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        child_ = ::fork();
        if (child_ == 0) {
            const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT, 0666);
            if (::flock(descriptor, LOCK_EX) != 0 || ::write(ready[1], "x", 1) != 1) std::_Exit(1);
            while (true) ::pause();
        }
        char byte = 0;
        EXPECT_EQ(::read(ready[0], &byte, 1), 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { kill(); }

    void kill() {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = -1;
    }

  private:
    pid_t child_ = -1;
};

TEST_F(TemporariesTest, OfTheLivingStayAndOfTheDeadGo) {
    Writer writer(out_ / kTemporary);
    write(".bw-00000000000000ff.tmp");
    testing::internal::CaptureStderr();
    sink_->prove_ready();
    EXPECT_EQ(names(), std::set{kTemporary});
    EXPECT_NE(testing::internal::GetCapturedStderr().find("files=1"), std::string::npos);
    writer.kill();
    sink_->check_ready();  // looks, and removes nothing
    EXPECT_EQ(names(), std::set{kTemporary});
    sink_->prove_ready();
    EXPECT_EQ(names(), std::set<std::string>{});
}

TEST_F(TemporariesTest, WhatIsNotOursStays) {
    std::set<std::string> others{".bw-0123456789abcde.tmp",
                                 ".bw-0123456789abcdef0.tmp",
                                 ".bw-0123456789ABCDEF.tmp",
                                 "bw-0123456789abcdef.tmp",
                                 ".bw-0123456789abcdef.tmp~",
                                 ".bw-x.tmp",
                                 "a.png"};
    for (const auto& name : others) write(name);
    fs::create_symlink("a.png", out_ / ".bw-0000000000000001.tmp");
    fs::create_directory(out_ / ".bw-0000000000000002.tmp");
    ASSERT_EQ(::mkfifo((out_ / ".bw-0000000000000003.tmp").c_str(), 0600), 0);
    for (const char* digit : {"1", "2", "3"})
        others.insert(".bw-000000000000000" + std::string(digit) + ".tmp");
    sink_->prove_ready();
    EXPECT_EQ(names(), others);
}

// Another worker's sweep may come between the creation of a temporary file and its lock.
TEST_F(TemporariesTest, SweepsDoNotHarmWriters) {
    std::atomic<bool> done = false;
    std::thread sweeper([&] {
        const auto other = open_sink({.outdir = out_, .min_free_bytes = 1});
        while (!done) other->prove_ready();
    });
    int failures = 0;
    for (int i = 0; i < 300; ++i) {
        try {
            sink_->commit({.id = "a", .extension = ".png"}, "picture", Input().is_source, {});
        } catch (const Error& e) {
            ++failures;
            ADD_FAILURE() << e.what();
        }
    }
    done = true;
    sweeper.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(names(), std::set<std::string>{"a.png"});
}

// A file system that shows no file by the name that it was just given, as some do that number files
// differently by name and by descriptor: a filter of the kernel's lets fstatat fail.
bool lose_fstatat() {
    std::array<sock_filter, 6> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AT_SYMLINK_NOFOLLOW, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{code.size(), code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(TemporariesTest, AFileThatIsLostAgainAndAgainIsAnErrorOfOutdir) {
    const pid_t child = ::fork();  // the filter is for good
    if (child == 0) {
        ::alarm(60);
        if (!lose_fstatat()) std::_Exit(77);
        try {
            sink_->prove_ready();
            std::_Exit(2);
        } catch (const Error& e) {
            EXPECT_EQ(e.kind(), ErrorKind::kOutput);
            EXPECT_EQ(e.where(), out_.string());
            EXPECT_NE(std::string(e.what()).find("OUTDIR does not keep a new file: 10 times"),
                      std::string::npos)
                << e.what();
        }
        std::_Exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp filter is permitted";
    EXPECT_EQ(status, 0);
    EXPECT_EQ(names(), std::set<std::string>{});
}

}  // namespace
}  // namespace bw
