#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>

#include "bw/base/error.hpp"
#include "bw/storage.hpp"

// These tests say which files a job may name: with and without BW_INPUT_ROOTS, with and without openat2.
namespace bw {
namespace {

namespace fs = std::filesystem;
using Kinds = std::vector<std::pair<std::string, ErrorKind>>;

class InputRootsTest : public testing::Test {
  protected:
    InputRootsTest() {
        std::string pattern = fs::temp_directory_path() / "bw-test-XXXXXX";
        top_ = ::mkdtemp(pattern.data());
        for (const char* folder : {"in/sub", "input", "mnt"}) fs::create_directories(top_ / folder);
        for (const char* file : {"in/a", "in/sub/a", "input/a", "mnt/a"}) std::ofstream(top_ / file) << file;
        fs::create_symlink("sub/../a", top_ / "in/inside");
        fs::create_symlink("../input/a", top_ / "in/leaving");
        fs::create_symlink(top_ / "in/a", top_ / "in/absolute");
        fs::create_symlink("../mnt", top_ / "in/mounted");
        fs::create_symlink("in", top_ / "link-to-in");
        fs::create_symlink("round", top_ / "in/round");
        EXPECT_EQ(::mkfifo((top_ / "in/fifo").c_str(), 0600), 0);
    }
    ~InputRootsTest() override { fs::remove_all(top_); }

    std::unique_ptr<Source> with_roots(const std::vector<std::string>& roots) const {
        std::vector<std::string> absolute;
        for (const auto& root : roots) absolute.push_back((top_ / root).string());
        return open_source({.outdir = top_, .input_roots = absolute});
    }
    std::string read(Source& source, const std::string& file) const {
        return read_uri(source, "file://" + top_.string() + "/" + file);
    }
    static std::string read_uri(Source& source, const std::string& uri) {
        return source.read(image_uri(uri), 1000, {}).bytes;
    }
    // The file's bytes, or the kind of the error that was thrown.
    std::string outcome(Source& source, const std::string& file) const {
        try {
            return read(source, file);
        } catch (const Error& e) {
            return std::string(name(e.kind()));
        }
    }

    fs::path top_;
};

TEST_F(InputRootsTest, NothingLeavesARoot) {
    const auto source = with_roots({"in"});
    EXPECT_EQ(outcome(*source, "in/a"), "in/a");
    EXPECT_EQ(outcome(*source, "in//./sub/a"), "in/sub/a");
    EXPECT_EQ(outcome(*source, "in/inside"), "in/a");
    for (const char* file :
         {"input/a", "in/leaving", "in/absolute", "in/mounted/a", "in/../input/a", "in/%2e%2e/input/a",
          "in/sub/../a", "in", "in/", "in/sub", "in/fifo", "in/round", "link-to-in/a", "nothing", ""}) {
        EXPECT_EQ(outcome(*source, file), "job") << file;
    }
    EXPECT_EQ(outcome(*source, "in/nothing"), "input");
    EXPECT_EQ(outcome(*source, "in/a/a"), "job");
}

TEST_F(InputRootsTest, SaysWhichSetting) {
    try {
        read(*with_roots({"in"}), "in/leaving");
        ADD_FAILURE() << "it was read";
    } catch (const Error& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("outside BW_INPUT_ROOTS"));
        EXPECT_EQ(e.where(), (top_ / "in/leaving").string());
    }
}

TEST_F(InputRootsTest, RootsMayOverlap) {
    EXPECT_EQ(outcome(*with_roots({"in", "in/mounted", "mnt"}), "in/mounted/a"), "mnt/a");
    EXPECT_EQ(outcome(*with_roots({"in/sub", "in"}), "in/sub/a"), "in/sub/a");
    EXPECT_EQ(outcome(*with_roots({"in", "in/sub"}), "in/sub/nothing"), "input");
    EXPECT_EQ(outcome(*with_roots({"link-to-in//"}), "link-to-in/a"), "in/a");
    EXPECT_EQ(outcome(*open_source({.outdir = top_, .input_roots = {"/"}}), "in/a"), "in/a");
}

TEST_F(InputRootsTest, WithoutRootsAnyRegularFile) {
    const auto source = with_roots({});
    for (const char* file : {"in/absolute", "in/leaving", "in/mounted/../mnt/a"}) {
        EXPECT_THAT(outcome(*source, file), testing::EndsWith("/a")) << file;
    }
    EXPECT_EQ(outcome(*source, "in/round"), "job");
    const int descriptor = ::open((top_ / "in/a").c_str(), O_RDONLY | O_CLOEXEC);
    const std::string magic_link = "file:///proc/self/fd/" + std::to_string(descriptor);
    EXPECT_THROW(read_uri(*source, magic_link), Error);
    ::close(descriptor);
}

TEST_F(InputRootsTest, NoKernelFilesBeneathARootEither) {
    const auto source = open_source({.outdir = top_, .input_roots = {"/proc", "/sys"}});
    for (const char* uri :
         {"file:///proc/self/environ", "file:///proc/1/environ", "file:///sys/kernel/uevent_seqnum"}) {
        EXPECT_THROW(read_uri(*source, uri), Error) << uri;
    }
}

TEST_F(InputRootsTest, IsNotReadyWhileARootIsMissing) {
    const auto source = with_roots({"in", "later"});
    const auto kind = [&](auto call) {
        try {
            call();
        } catch (const Error& e) {
            EXPECT_EQ(e.where(), (top_ / "later").string());
            EXPECT_THAT(e.what(), testing::HasSubstr("BW_INPUT_ROOTS"));
            return e.kind();
        }
        return ErrorKind::kInternal;
    };
    EXPECT_EQ(kind([&] { source->check_ready(); }), ErrorKind::kInput);
    EXPECT_EQ(kind([&] { read(*source, "later/a"); }), ErrorKind::kInput);
    std::ofstream(top_ / "later") << "no directory";
    EXPECT_EQ(kind([&] { source->check_ready(); }), ErrorKind::kInput);
    fs::remove(top_ / "later");
    fs::create_directory(top_ / "later");
    EXPECT_EQ(kind([&] { source->check_ready(); }), ErrorKind::kInput);  // the sandbox has shut it out
    with_roots({"in", "later"})->check_ready();
}

TEST_F(InputRootsTest, IsNotReadyOnceARootIsAnotherDirectory) {
    const auto source = with_roots({"in"});
    source->check_ready();
    fs::rename(top_ / "in", top_ / "away");
    fs::create_directory(top_ / "in");
    EXPECT_THROW(source->check_ready(), Error);
    with_roots({"in"})->check_ready();
    fs::remove(top_ / "in");
    fs::rename(top_ / "away", top_ / "in");
    source->check_ready();
}

// The point that a volume is to be mounted on is such a root, for example.
TEST_F(InputRootsTest, IsNotReadyWhileARootLetsNobodyIn) {
    const auto source = with_roots({"in"});
    fs::permissions(top_, fs::perms(0755));
    fs::permissions(top_ / "in", fs::perms(0));
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) std::_Exit(77);
        try {
            source->check_ready();
        } catch (const Error& e) {
            std::_Exit(e.kind() == ErrorKind::kInput ? 0 : 1);
        }
        std::_Exit(2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    fs::permissions(top_ / "in", fs::perms(0700));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no other user may be taken";
    EXPECT_EQ(status, 0);
}

// A kernel, or a container's filter, that answers openat2 with this.
bool lose_openat2(int answer) {
    std::array<sock_filter, 4> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(answer)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{code.size(), code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

template <typename Check>
void without_openat2(const Check& check) {
    for (const int answer : {ENOSYS, EPERM}) {
        const pid_t child = ::fork();  // the filter is for good
        if (child == 0) {
            if (!lose_openat2(answer)) std::_Exit(77);
            check();
            std::_Exit(testing::Test::HasFailure() ? 1 : 0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp filter is permitted";
        EXPECT_EQ(status, 0) << answer;
    }
}

TEST_F(InputRootsTest, WithoutOpenat2NoLinkAtAll) {
    without_openat2([this] {
        const auto source = with_roots({"in", "link-to-in"});
        EXPECT_EQ(outcome(*source, "in/a"), "in/a");
        EXPECT_EQ(outcome(*source, "in/sub/a"), "in/sub/a");
        EXPECT_EQ(outcome(*source, "link-to-in/a"), "in/a");
        for (const char* file : {"in/inside", "in/leaving", "in/absolute", "in/mounted/a", "in/../input/a",
                                 "in/sub/../a", "in", "in/sub", "in/fifo", "input/a"}) {
            EXPECT_EQ(outcome(*source, file), "job") << file;
        }
        EXPECT_EQ(outcome(*source, "in/nothing"), "input");
    });
}

TEST_F(InputRootsTest, WithoutOpenat2AndRootsLinksAreFollowed) {
    fs::create_symlink("nowhere", top_ / "in/dangling");
    without_openat2([this] {
        const auto source = with_roots({});
        EXPECT_EQ(outcome(*source, "in/absolute"), "in/a");
        EXPECT_EQ(outcome(*source, "in/inside"), "in/a");
        EXPECT_EQ(outcome(*source, "in/leaving"), "input/a");
        EXPECT_EQ(outcome(*source, "in/mounted/a"), "mnt/a");
        EXPECT_EQ(outcome(*source, "in//mounted/./../mnt/a"), "mnt/a");
        EXPECT_EQ(outcome(*source, "link-to-in/sub/../a"), "in/a");
        for (const char* file :
             {"in/round", "in/round/a", "in/a/", "in/a/a", "in/absolute/", "in", "in/fifo"}) {
            EXPECT_EQ(outcome(*source, file), "job") << file;
        }
        for (const char* file : {"in/nothing", "in/dangling", "nothing/a"}) {
            EXPECT_EQ(outcome(*source, file), "input") << file;
        }
    });
}

// The links of /proc/self/fd lead to what this process has open, past every path.
TEST_F(InputRootsTest, WithoutOpenat2TheKernelsLinksAreNotFollowedEither) {
    const int descriptor = ::open((top_ / "in/a").c_str(), O_RDONLY | O_CLOEXEC);
    const std::string magic_link = "/proc/self/fd/" + std::to_string(descriptor);
    fs::create_symlink(magic_link, top_ / "in/descriptor");
    fs::create_symlink("/proc/self/root", top_ / "in/root");
    without_openat2([&] {
        const auto source = with_roots({});
        EXPECT_EQ(outcome(*source, "in/descriptor"), "job");
        EXPECT_EQ(outcome(*source, "in/root" + top_.string() + "/in/a"), "job");
        for (const std::string& path :
             {magic_link, "/proc/self/cwd" + magic_link, "/proc/thread-self/fd/" + std::to_string(descriptor),
              "/dev/fd/" + std::to_string(descriptor), "/proc/self/root" + top_.string() + "/in/a"}) {
            EXPECT_THROW(read_uri(*source, "file://" + path), Error) << path;
        }
    });
    ::close(descriptor);
}

}  // namespace
}  // namespace bw
