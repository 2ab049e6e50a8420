#include "bw/storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "bw/error.hpp"
#include "bw/uri.hpp"

namespace bw {
namespace {

// Linux's limit for one name in a path.
constexpr std::size_t kMaxNameBytes = 255;

// What prove_output() asks room for: as much as the result of a photograph takes, so that a nearly full disk
// shows before a job is fetched and not by the deliveries that jobs lose.
constexpr off_t kProofBytes = 8 << 20;

[[noreturn]] void refuse_uri(std::string_view uri, const std::string& what) {
    throw Error(ErrorKind::kJob, std::string(uri), what);
}

[[noreturn]] void refuse_output(const std::filesystem::path& path, const std::string& what,
                                int error_number) {
    throw Error(ErrorKind::kOutput, path.string(), what + ": " + system_reason(error_number));
}

class File {
  public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    // NFS reports some write failures only here.
    bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

  private:
    int descriptor_;
};

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// Not every file system can; on those the write will tell.
bool reserve(int descriptor, off_t bytes) {
    return bytes == 0 || ::fallocate(descriptor, 0, 0, bytes) == 0 || errno == EOPNOTSUPP;
}

// Workers on several hosts may share OUTDIR, so neither a process id nor a host name makes the name unique.
std::string temporary_name() {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::random_device random;
    std::string name = ".bw-";
    for (int i = 0; i < 16; ++i) name += kDigits[random() % 16];
    return name + ".tmp";
}

// Some network file systems cannot sync a directory and say EINVAL; their rename is as durable as it gets.
bool sync_directory(int descriptor) { return ::fsync(descriptor) == 0 || errno == EINVAL; }

// A descriptor, or -1 with errno.
int open_input(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0 || errno != EWOULDBLOCK) return descriptor;
    // Somebody holds a lease on it, as Samba may for the client of a share, and has just been asked to let
    // go. What can be leased is a regular file; should it be replaced by a FIFO at this very moment, the job
    // timeout ends the wait, as it does for a holder that never lets go.
    return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

class FileStorage : public Storage {
  public:
    FileStorage(std::filesystem::path outdir, std::uint64_t max_file_bytes)
        : outdir_(std::move(outdir)), max_file_bytes_(max_file_bytes) {}

    std::string read(const std::string& uri) override {
        const auto path = file_uri_path(uri);
        const auto refuse = [&path](ErrorKind kind, const std::string& what) {
            throw Error(kind, path.string(), what);
        };
        const File file(open_input(path));
        struct stat status {};
        if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
            refuse(ErrorKind::kInput, "the image cannot be opened: " + system_reason(errno));
        }
        if (!S_ISREG(status.st_mode)) refuse(ErrorKind::kJob, "the image is not a regular file");
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (size > max_file_bytes_) {
            refuse(ErrorKind::kImage, "the image file has " + std::to_string(size) +
                                          " bytes, more than BW_MAX_FILE_SIZE (" +
                                          std::to_string(max_file_bytes_) + " bytes)");
        }
        std::string bytes(size, '\0');
        std::size_t filled = 0;
        while (filled < bytes.size()) {
            const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) refuse(ErrorKind::kInput, "the image cannot be read: " + system_reason(errno));
            if (got == 0) break;  // it became shorter meanwhile; the decoder will judge what is there
            filled += static_cast<std::size_t>(got);
        }
        bytes.resize(filled);
        return bytes;
    }

    void prove_output() override {
        const File directory = open_outdir();
        const std::string name =
            write_temporary(directory, "bw proves that OUTDIR takes a file\n", kProofBytes);
        if (::unlinkat(directory.get(), name.c_str(), 0) != 0) {
            refuse_output(outdir_ / name, "OUTDIR does not let go of a file", errno);
        }
    }

    std::filesystem::path commit(const std::string& name, std::string_view bytes) override {
        const File directory = open_outdir();
        const std::string temporary = write_temporary(directory, bytes);
        if (::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0) {
            const int reason = errno;
            ::unlinkat(directory.get(), temporary.c_str(), 0);
            refuse_output(outdir_ / name, "the output cannot take its name", reason);
        }
        if (!sync_directory(directory.get())) refuse_output(outdir_, "OUTDIR cannot be synced", errno);
        return outdir_ / name;
    }

  private:
    // Opened anew each time: OUTDIR may be removed, made again or mounted over while we run.
    File open_outdir() const {
        const int descriptor = ::open(outdir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) refuse_output(outdir_, "OUTDIR cannot be opened", errno);
        return File(descriptor);
    }

    // A synced file of its own name in OUTDIR, with room for `reserved` bytes; on failure nothing is left
    // behind.
    std::string write_temporary(const File& directory, std::string_view bytes, off_t reserved = 0) const {
        const std::string name = temporary_name();
        File file(::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (!file.is_open()) refuse_output(outdir_, "OUTDIR does not take a file", errno);
        if (reserve(file.get(), reserved) && write_all(file.get(), bytes) && ::fsync(file.get()) == 0 &&
            file.close()) {
            return name;
        }
        const int reason = errno;
        ::unlinkat(directory.get(), name.c_str(), 0);
        const auto needed = std::max(bytes.size(), static_cast<std::size_t>(reserved));
        refuse_output(outdir_, "OUTDIR does not take " + std::to_string(needed) + " bytes", reason);
    }

    const std::filesystem::path outdir_;
    const std::uint64_t max_file_bytes_;
};

}  // namespace

std::unique_ptr<Storage> open_storage(std::filesystem::path outdir, std::uint64_t max_file_bytes) {
    return std::make_unique<FileStorage>(std::move(outdir), max_file_bytes);
}

std::filesystem::path file_uri_path(std::string_view uri) {
    constexpr std::string_view kScheme = "file://";
    constexpr std::string_view kLocalhost = "localhost";
    if (!uri.starts_with(kScheme)) refuse_uri(uri, "the image is no file URI (file:///path is right)");
    std::string_view rest = uri.substr(kScheme.size());
    if (rest.starts_with(kLocalhost)) rest.remove_prefix(kLocalhost.size());
    if (!rest.starts_with('/')) {
        refuse_uri(uri, "the image URI names another host or a relative path (file:///path is right)");
    }
    auto path = percent_decode(rest);
    if (!path) {
        refuse_uri(uri, "the image URI holds a % that no two hex digits follow (a % itself is %25)");
    }
    if (path->find('\0') != std::string::npos) refuse_uri(uri, "the image URI holds %00");
    return *std::move(path);
}

std::string image_extension(std::string_view uri) {
    std::string extension = file_uri_path(uri).extension().string();
    const bool good = std::none_of(extension.begin(), extension.end(),
                                   [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; });
    if (!good) refuse_uri(uri, "the image's extension holds a backslash or control character");
    return extension;
}

std::string output_name(const std::string& id, const std::string& extension) {
    std::string name = id + extension;
    if (name.size() <= kMaxNameBytes) return name;
    throw Error(ErrorKind::kJob, name,
                "id and extension together have more than " + std::to_string(kMaxNameBytes) + " bytes");
}

}  // namespace bw
