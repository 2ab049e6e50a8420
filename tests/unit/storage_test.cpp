#include "bw/storage.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "bw/base/error.hpp"
#include "storage/file/path.hpp"

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
        open({.outdir = out_, .min_free_bytes = kMinFree});
    }
    ~StorageTest() override { fs::remove_all(root_); }

    void open(const StorageSettings& settings) {
        source_ = open_source(settings);
        sink_ = open_sink(settings);
    }
    Input read_input(const std::string& uri) const {
        return source_->read(image_uri(uri), kMaxFileBytes, {});
    }
    std::string read(const std::string& uri) const { return read_input(uri).bytes; }
    std::string commit(const std::string& id, std::string_view bytes) const {
        return sink_->commit({.id = id, .extension = ""}, bytes, Input().is_source, {});
    }

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
    std::unique_ptr<Source> source_;
    std::unique_ptr<Sink> sink_;
};

// A limit of the process shows only when blocks are taken, as a quota does.
TEST_F(StorageTest, ProvesThatThereIsRoomInTheQuota) {
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4 << 20, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto sink = open_sink({.outdir = out_, .min_free_bytes = 64 << 20});
    EXPECT_THROW(sink->prove_ready(), Error);
    EXPECT_EQ(files_in_outdir(), 0U);
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_NO_THROW(sink->prove_ready());
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
    EXPECT_EQ(read(uri).size(), kMaxFileBytes);
    fs::resize_file(root_ / "large", std::uint64_t{1} << 40);  // sparse: reading it would take minutes
    try {
        read(uri);
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
    EXPECT_EQ(read("file://" + root_.string() + "/50%25%20a b.txt"), "picture");
    EXPECT_EQ(read("file://localhost" + root_.string() + "/50%25%20a%20b.txt"), "picture");
}

TEST_F(StorageTest, ReadsNothingButRegularFiles) {
    ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
    for (const auto& path : {root_ / "fifo", root_, fs::path("/dev/zero"), fs::path("/proc/self/environ"),
                             fs::path("/sys/kernel/uevent_seqnum")}) {
        if (!fs::exists(path)) continue;  // a /sys is not everywhere
        EXPECT_EQ(kind_of([&] { read("file://" + path.string()); }), ErrorKind::kJob) << path;
    }
}

TEST_F(StorageTest, SaysThatAPathEndsInABlank) {
    try {
        read("file://" + (root_ / "missing.png").string() + "%20");
        ADD_FAILURE() << "it was read";
    } catch (const Error& e) {
        EXPECT_STREQ(e.what(),
                     "the image cannot be opened: No such file or directory (its path ends in a blank)");
    }
}

TEST_F(StorageTest, AMissingFileMayComeYet) {
    EXPECT_EQ(kind_of([&] { read("file://" + (root_ / "missing").string()); }), ErrorKind::kInput);
}

// A process holds a lease on a file, as Samba may. Everybody else who opens the file has to wait.
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
    auto reading =
        std::async(std::launch::async, [this] { return read("file://" + (root_ / "leased").string()); });
    while (!lease->is_asked_for()) std::this_thread::yield();
    EXPECT_EQ(reading.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    lease.reset();
    EXPECT_EQ(reading.get(), "picture");
}

TEST_F(StorageTest, ALeaseHolderIsWaitedForUntilAStop) {
    std::ofstream(root_ / "leased") << "picture";
    const Lease lease(root_ / "leased");
    std::stop_source stop;
    auto reading = std::async(std::launch::async, [&] {
        return source_->read(image_uri("file://" + (root_ / "leased").string()), kMaxFileBytes,
                             stop.get_token());
    });
    while (!lease.is_asked_for()) std::this_thread::yield();
    stop.request_stop();
    EXPECT_EQ(kind_of([&] { reading.get(); }), ErrorKind::kStopped);
}

TEST_F(StorageTest, NothingIsReadOrWrittenAfterAStop) {
    std::ofstream(root_ / "a.png") << "picture";
    std::stop_source stop;
    stop.request_stop();
    const Uri uri = image_uri("file://" + (root_ / "a.png").string());
    EXPECT_EQ(kind_of([&] { source_->read(uri, kMaxFileBytes, stop.get_token()); }), ErrorKind::kStopped);
    EXPECT_EQ(
        kind_of([&] { sink_->commit(output_name("a", uri), "result", Input().is_source, stop.get_token()); }),
        ErrorKind::kStopped);
    EXPECT_EQ(files_in_outdir(), 0U);
}

TEST_F(StorageTest, CommitsWholeFilesAndReplacesThem) {
    EXPECT_EQ(commit("a.png", "one"), out_ / "a.png");
    commit("a.png", "two");
    EXPECT_EQ(content(out_ / "a.png"), "two");
    EXPECT_EQ(files_in_outdir(), 1U);
}

TEST_F(StorageTest, ReplacesALinkRatherThanWriteThroughIt) {
    std::ofstream(root_ / "precious") << "precious";
    fs::create_symlink(root_ / "precious", out_ / "a.png");
    commit("a.png", "picture");
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
        EXPECT_EQ(kind_of([&] { commit(name, "picture"); }), ErrorKind::kJob) << name;
        EXPECT_EQ(fs::symlink_status(out_ / name).type(), type) << name;
    }
    EXPECT_EQ(files_in_outdir(), 3U);
}

TEST_F(StorageTest, SaysBothUsersWhereOutdirIsAnothers) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
    fs::permissions(root_, fs::perms(0755));
    fs::permissions(out_, fs::perms(0755));
    constexpr uid_t kNobody = 65534;
    const pid_t child = ::fork();
    if (child == 0) {
        EXPECT_EQ(::setresuid(kNobody, kNobody, kNobody), 0);
        for (const auto& call : {&Sink::prove_ready, &Sink::check_ready}) {
            try {
                (*sink_.*call)();
                ADD_FAILURE() << "it was ready";
            } catch (const Error& e) {
                EXPECT_THAT(e.what(), testing::EndsWith("does not take a file: Permission denied (it belongs "
                                                        "to root (0), bw runs as nobody (65534))"));
            }
        }
        std::_Exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// In these tests OUTDIR holds the image, or another name of it, and the id is the image's own stem.
class OverwriteTest : public StorageTest {
  protected:
    OverwriteTest() { std::ofstream(root_ / "original.png") << "original"; }

    std::string convert(const fs::path& image, const std::string& id) const {
        const Uri uri = image_uri("file://" + image.string());
        const Input input = source_->read(uri, kMaxFileBytes, {});
        while_converting_();
        return sink_->commit(output_name(id, uri), "result", input.is_source, {});
    }
    void expect_refused(const fs::path& image) const {
        try {
            convert(image, "a");
            ADD_FAILURE() << "it was written";
        } catch (const Error& e) {
            EXPECT_EQ(e.kind(), ErrorKind::kJob);
            EXPECT_EQ(e.where(), (out_ / "a.png").string());
            EXPECT_THAT(e.what(), testing::HasSubstr("BW_OVERWRITE_SOURCE set to yes"));
        }
        EXPECT_EQ(content(out_ / "a.png"), "original");
        EXPECT_EQ(content(root_ / "original.png"), "original");
        EXPECT_EQ(files_in_outdir(), 1U);
    }

    std::function<void()> while_converting_ = [] {};
};

TEST_F(OverwriteTest, AnOriginalThatWasReplacedMeanwhileStays) {
    fs::create_directory_symlink(out_, root_ / "elsewhere");
    for (const fs::path& directory : {out_, root_ / "elsewhere"}) {
        std::ofstream(out_ / "a.png") << "before";
        while_converting_ = [this] {
            std::ofstream(root_ / "new.png") << "original";
            fs::rename(root_ / "new.png", out_ / "a.png");
        };
        expect_refused(directory / "a.png");
    }
}

TEST_F(OverwriteTest, AnOriginalThatIsGoneMeanwhileIsNoHindrance) {
    fs::copy(root_ / "original.png", out_ / "a.png");
    while_converting_ = [this] { fs::remove(out_ / "a.png"); };
    convert(out_ / "a.png", "a");
    EXPECT_EQ(content(out_ / "a.png"), "result");
}

TEST_F(OverwriteTest, TheOriginalStays) {
    fs::copy(root_ / "original.png", out_ / "a.png");
    expect_refused(out_ / "a.png");
    fs::create_directory_symlink(out_, root_ / "elsewhere");
    expect_refused(root_ / "elsewhere/a.png");
}

TEST_F(OverwriteTest, AHardLinkToTheOriginalStays) {
    fs::create_hard_link(root_ / "original.png", out_ / "a.png");
    expect_refused(out_ / "a.png");
    expect_refused(root_ / "original.png");
}

TEST_F(OverwriteTest, ALinkToTheOriginalStays) {
    fs::create_symlink("../original.png", out_ / "a.png");
    expect_refused(out_ / "a.png");
    expect_refused(root_ / "original.png");
    EXPECT_TRUE(fs::is_symlink(out_ / "a.png"));
}

TEST_F(OverwriteTest, TheOriginalIsReplacedWhereTheSettingSaysSo) {
    open({.outdir = out_, .min_free_bytes = kMinFree, .overwrite_source = OverwriteSource::kYes});
    fs::copy(root_ / "original.png", out_ / "a.png");
    EXPECT_EQ(convert(out_ / "a.png", "a"), out_ / "a.png");
    EXPECT_EQ(content(out_ / "a.png"), "result");
}

TEST_F(OverwriteTest, AnEarlierResultIsReplaced) {
    convert(root_ / "original.png", "a");
    EXPECT_EQ(convert(root_ / "original.png", "a"), out_ / "a.png");
    fs::copy(root_ / "original.png", out_ / "b.png");
    EXPECT_EQ(convert(out_ / "b.png", "c"), out_ / "c.png");
    EXPECT_EQ(content(out_ / "b.png"), "original");
}

TEST_F(StorageTest, SaysWhenOutdirIsGoneAndGoesOnWhenItIsBack) {
    fs::remove(out_);
    EXPECT_EQ(kind_of([&] { sink_->prove_ready(); }), ErrorKind::kOutput);
    EXPECT_EQ(kind_of([&] { sink_->check_ready(); }), ErrorKind::kOutput);
    EXPECT_EQ(kind_of([&] { commit("a.png", "picture"); }), ErrorKind::kOutput);
    fs::create_directory(out_);
    sink_->prove_ready();
    sink_->check_ready();
    EXPECT_EQ(files_in_outdir(), 0U);
}

TEST_F(StorageTest, IsNotReadyWithoutRoom) {
    const auto sink = open_sink({.outdir = out_, .min_free_bytes = std::uint64_t{1} << 60});
    EXPECT_EQ(kind_of([&] { sink->prove_ready(); }), ErrorKind::kOutput);
    try {
        sink->check_ready();
        ADD_FAILURE() << "it was ready";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kOutput);
        EXPECT_EQ(e.where(), out_.string());
        EXPECT_THAT(e.what(), testing::HasSubstr("BW_MIN_FREE asks for 1152921504606846976"));
    }
}

std::string path_of(std::string_view uri) { return file_path(image_uri(uri)).string(); }

TEST(FileUri, IsDecoded) {
    EXPECT_EQ(path_of("file:///a%20b/%E5%86%99.png"), "/a b/\xe5\x86\x99.png");
    EXPECT_EQ(path_of("file:///a[0].png"), "/a[0].png");
    EXPECT_EQ(path_of("file:///a?b#c.png"), "/a?b#c.png");
    EXPECT_EQ(path_of("file://localhost/a"), "/a");
    EXPECT_EQ(path_of("file:/a"), "/a");
    EXPECT_EQ(path_of("FILE://LocalHost/a"), "/a");
}

TEST(FileUri, IsRefusedWhereItIsNotGood) {
    for (const char* uri : {"", "/a.jpg", "a.jpg", "http://x/a.jpg", "file://", "file:", "file:a.jpg",
                            "file://host/a.jpg", "file://a.jpg", "file://localhosts/a", "file:///a%",
                            "file:///a%2", "file:///a%zz", "file:///a%00b"}) {
        EXPECT_EQ(kind_of([&] { path_of(uri); }), ErrorKind::kJob) << uri;
    }
}

std::string complaint_about(std::string_view uri) {
    try {
        path_of(uri);
    } catch (const Error& e) {
        EXPECT_EQ(e.where(), uri);
        return e.what();
    }
    return "";
}

TEST(ImageUri, SaysWhatWouldBeRight) {
    const std::pair<std::string_view, std::string_view> expected[] = {
        {"/data/a b.jpg", "the image is a path, not a URI (file:///data/a b.jpg is right)"},
        {"/data/50%.jpg", "the image is a path, not a URI (file:///data/50%25.jpg is right)"},
        {"a.jpg", "the image is not a URI (file:///path is right)"},
        {"http://host/a.jpg", "bw reads no http: URIs (file:///path is right)"},
        {"S3://bucket/a.jpg", "bw reads no s3: URIs (file:///path is right)"},
        {"data:image/png;base64,AAAA", "bw reads no data: URIs (file:///path is right)"},
        {"fiel:///a.jpg", "bw reads no fiel: URIs (file:///path is right; did you mean file?)"},
        {"file://data/a.jpg",
         "the image URI names another host, data (file:///path is right, with three slashes)"},
        {"file:a.jpg", "the image URI names no absolute path (file:///path is right)"}};
    for (const auto& [uri, said] : expected) EXPECT_EQ(complaint_about(uri), said) << uri;
}

std::string extension_of(std::string_view uri) { return output_name("5e", image_uri(uri)).extension; }

TEST(OutputName, HasTheExtensionOfTheImage) {
    EXPECT_EQ(extension_of("file:///a/b.JPG"), ".JPG");
    EXPECT_EQ(extension_of("file:///a.b/c.tar.gif"), ".gif");
    EXPECT_EQ(extension_of("file:///a.b/plain"), "");
    EXPECT_EQ(kind_of([] { extension_of("file:///b.x%0Ay"); }), ErrorKind::kJob);
    EXPECT_EQ(kind_of([] { extension_of("file:///b.x%5Cy"); }), ErrorKind::kJob);
    EXPECT_EQ(kind_of([] { extension_of("file:///b.x%C2%9B2J"); }), ErrorKind::kJob);  // C1, as in ids
}

TEST(OutputName, IsIdAndExtension) {
    EXPECT_EQ(output_name("a.b", image_uri("file:///x.png")).text(), "a.b.png");
    const Uri long_extension = image_uri("file:///x." + std::string(56, 'x'));
    EXPECT_EQ(kind_of([&] { output_name(std::string(199, 'a'), long_extension); }), ErrorKind::kJob);
}

}  // namespace
}  // namespace bw
