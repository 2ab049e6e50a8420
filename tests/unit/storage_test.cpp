#include "bw/storage.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "bw/base/error.hpp"

namespace bw {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 1000;
constexpr std::uint64_t kMinFree = 1;

class StorageTest : public testing::Test {
  protected:
    StorageTest() {
        std::string pattern = fs::temp_directory_path() / "bw-test-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        out_ = root_ / "out";
        fs::create_directory(out_);
        storage_ = open_storage({out_, {}, kMaxFileBytes, kMinFree});
    }
    ~StorageTest() override { fs::remove_all(root_); }

    std::size_t files_in_outdir() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(out_), fs::directory_iterator()));
    }
    static std::string content(const fs::path& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }

    fs::path root_;
    fs::path out_;
    std::unique_ptr<Storage> storage_;
};

// As a quota does, a limit of the process shows only when blocks are taken.
TEST_F(StorageTest, ProvesThatThereIsRoomInTheQuota) {
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4 << 20, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto storage = open_storage({out_, {}, kMaxFileBytes, 64 << 20});
    EXPECT_THROW(storage->prove_ready(), Error);
    EXPECT_EQ(files_in_outdir(), 0U);
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_NO_THROW(storage->prove_ready());
    std::signal(SIGXFSZ, ignored);
}

template <typename Call>
ErrorKind kind_of(const Call& call) {
    try {
        call();
    } catch (const Error& e) {
        return e.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::kInternal;
}

TEST_F(StorageTest, ReadsNoFileLargerThanTheLimit) {
    const std::string uri = "file://" + (root_ / "large").string();
    std::ofstream(root_ / "large") << std::string(kMaxFileBytes, 'x');
    EXPECT_EQ(storage_->read(uri).size(), kMaxFileBytes);
    fs::resize_file(root_ / "large", std::uint64_t{1} << 40);  // sparse: reading it would take minutes
    try {
        storage_->read(uri);
        ADD_FAILURE() << "it was read";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kImage);
        EXPECT_EQ(e.where(), (root_ / "large").string());
        EXPECT_STREQ(e.what(),
                     "the image file has 1099511627776 bytes, more than BW_MAX_FILE_SIZE (1000 bytes)");
    }
}

TEST_F(StorageTest, ReadsTheFileThatAUriNames) {
    std::ofstream(root_ / "50% a b.txt") << "picture";
    EXPECT_EQ(storage_->read("file://" + root_.string() + "/50%25%20a b.txt"), "picture");
    EXPECT_EQ(storage_->read("file://localhost" + root_.string() + "/50%25%20a%20b.txt"), "picture");
}

TEST_F(StorageTest, ReadsNothingButRegularFiles) {
    ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
    for (const auto& path : {root_ / "fifo", root_, fs::path("/dev/zero"), fs::path("/proc/self/environ"),
                             fs::path("/sys/kernel/uevent_seqnum")}) {
        if (!fs::exists(path)) continue;  // a /sys is not everywhere
        EXPECT_EQ(kind_of([&] { storage_->read("file://" + path.string()); }), ErrorKind::kJob) << path;
    }
}

TEST_F(StorageTest, AMissingFileMayComeYet) {
    EXPECT_EQ(kind_of([&] { storage_->read("file://" + (root_ / "missing").string()); }), ErrorKind::kInput);
}

// A lease on a file, such as Samba may take: who opens the file meanwhile has to wait.
class Lease {
  public:
    explicit Lease(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        std::signal(SIGIO, SIG_IGN);  // how the kernel asks for the lease; it would end us
        EXPECT_EQ(::fcntl(descriptor_, F_SETLEASE, F_WRLCK), 0);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        ::close(descriptor_);
        std::signal(SIGIO, SIG_DFL);
    }

    bool is_asked_for() const { return ::fcntl(descriptor_, F_GETLEASE) != F_WRLCK; }

  private:
    int descriptor_;
};

TEST_F(StorageTest, WaitsForALeaseHolder) {
    std::ofstream(root_ / "leased") << "picture";
    std::optional<Lease> lease(std::in_place, root_ / "leased");
    auto reading = std::async(std::launch::async,
                              [this] { return storage_->read("file://" + (root_ / "leased").string()); });
    while (!lease->is_asked_for()) std::this_thread::yield();
    EXPECT_EQ(reading.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    lease.reset();
    EXPECT_EQ(reading.get(), "picture");
}

TEST_F(StorageTest, CommitsWholeFilesAndReplacesThem) {
    EXPECT_EQ(storage_->commit("a.png", "one"), out_ / "a.png");
    storage_->commit("a.png", "two");
    EXPECT_EQ(content(out_ / "a.png"), "two");
    EXPECT_EQ(files_in_outdir(), 1U);
}

TEST_F(StorageTest, ReplacesALinkRatherThanWriteThroughIt) {
    std::ofstream(root_ / "precious") << "precious";
    fs::create_symlink(root_ / "precious", out_ / "a.png");
    storage_->commit("a.png", "picture");
    EXPECT_EQ(content(root_ / "precious"), "precious");
    EXPECT_EQ(content(out_ / "a.png"), "picture");
}

TEST_F(StorageTest, ReplacesNothingButFilesAndLinks) {
    fs::create_directory(out_ / "folder");
    ASSERT_EQ(::mkfifo((out_ / "fifo").c_str(), 0600), 0);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{AF_UNIX, {}};
    (out_ / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(socket);
    for (const char* name : {"folder", "fifo", "socket"}) {
        const auto type = fs::symlink_status(out_ / name).type();
        EXPECT_EQ(kind_of([&] { storage_->commit(name, "picture"); }), ErrorKind::kJob) << name;
        EXPECT_EQ(fs::symlink_status(out_ / name).type(), type) << name;
    }
    EXPECT_EQ(files_in_outdir(), 3U);
}

TEST_F(StorageTest, SaysWhenOutdirIsGoneAndGoesOnWhenItIsBack) {
    fs::remove(out_);
    EXPECT_EQ(kind_of([&] { storage_->prove_ready(); }), ErrorKind::kOutput);
    EXPECT_EQ(kind_of([&] { storage_->check_ready(); }), ErrorKind::kOutput);
    EXPECT_EQ(kind_of([&] { storage_->commit("a.png", "picture"); }), ErrorKind::kOutput);
    fs::create_directory(out_);
    storage_->prove_ready();
    storage_->check_ready();
    EXPECT_EQ(files_in_outdir(), 0U);
}

TEST_F(StorageTest, IsNotReadyWithoutRoom) {
    const auto storage = open_storage({out_, {}, kMaxFileBytes, std::uint64_t{1} << 60});
    EXPECT_EQ(kind_of([&] { storage->prove_ready(); }), ErrorKind::kOutput);
    try {
        storage->check_ready();
        ADD_FAILURE() << "it was ready";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kOutput);
        EXPECT_EQ(e.where(), out_.string());
        EXPECT_THAT(e.what(), testing::HasSubstr("BW_MIN_FREE asks for 1152921504606846976"));
    }
}

TEST(FileUri, IsDecoded) {
    EXPECT_EQ(file_uri_path("file:///a%20b/%E5%86%99.png"), "/a b/\xe5\x86\x99.png");
    EXPECT_EQ(file_uri_path("file:///a[0].png"), "/a[0].png");
    EXPECT_EQ(file_uri_path("file://localhost/a"), "/a");
}

TEST(FileUri, IsRefusedWhereItIsNotGood) {
    for (const char* uri :
         {"", "/a.jpg", "a.jpg", "http://x/a.jpg", "file://", "file://host/a.jpg", "file://a.jpg",
          "file://localhosts/a", "file:///a%", "file:///a%2", "file:///a%zz", "file:///a%00b"}) {
        EXPECT_EQ(kind_of([&] { file_uri_path(uri); }), ErrorKind::kJob) << uri;
    }
}

TEST(ImageExtension, IsTheFilesOwn) {
    EXPECT_EQ(image_extension("file:///a/b.JPG"), ".JPG");
    EXPECT_EQ(image_extension("file:///a.b/c.tar.gif"), ".gif");
    EXPECT_EQ(image_extension("file:///a.b/plain"), "");
    EXPECT_EQ(kind_of([] { image_extension("file:///b.x%0Ay"); }), ErrorKind::kJob);
    EXPECT_EQ(kind_of([] { image_extension("file:///b.x%5Cy"); }), ErrorKind::kJob);
    EXPECT_EQ(kind_of([] { image_extension("file:///b.x%C2%9B2J"); }), ErrorKind::kJob);  // C1, as in ids
}

TEST(OutputName, IsIdAndExtension) {
    EXPECT_EQ(output_name("a.b", ".png"), "a.b.png");
    EXPECT_EQ(kind_of([] { output_name(std::string(199, 'a'), "." + std::string(56, 'x')); }),
              ErrorKind::kJob);
}

}  // namespace
}  // namespace bw
