#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "bw/base/error.hpp"
#include "bw/storage.hpp"

// Whose temporary files are removed, and whose never.
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

// By every sweep of another worker that comes between the creation and the lock.
TEST_F(TemporariesTest, SweepsDoNotHarmWriters) {
    std::atomic<bool> done = false;
    std::thread sweeper([&] {
        const auto other = open_sink({.outdir = out_, .min_free_bytes = 1});
        while (!done) other->prove_ready();
    });
    int failures = 0;
    for (int i = 0; i < 300; ++i) {
        try {
            sink_->commit({.id = "a", .extension = ".png"}, "picture", "", {});
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

}  // namespace
}  // namespace bw
