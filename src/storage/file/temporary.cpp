#include "file/temporary.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <random>
#include <utility>

#include "bw/base/error.hpp"
#include "file/users.hpp"

namespace bw {
namespace {

constexpr std::string_view kTemporaryStart = ".bw-";
constexpr std::string_view kTemporaryEnd = ".tmp";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kTemporaryDigits = 16;

// A file may be lost so often between its creation and its lock. A sweep does that now and then, and hardly
// ever to one worker twice.
constexpr int kTriesToCreate = 10;

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = EIO;  // a file system that takes nothing and gives no reason
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// Workers on several hosts may share OUTDIR, so neither a process id nor a host name makes the name unique.
std::string temporary_name() {
    std::random_device random;
    std::string name(kTemporaryStart);
    for (std::size_t i = 0; i < kTemporaryDigits; ++i) name += kHexDigits[random() % kHexDigits.size()];
    return name.append(kTemporaryEnd);
}

bool is_temporary_name(std::string_view name) {
    return name.size() == kTemporaryStart.size() + kTemporaryDigits + kTemporaryEnd.size() &&
           name.starts_with(kTemporaryStart) && name.ends_with(kTemporaryEnd) &&
           name.substr(kTemporaryStart.size(), kTemporaryDigits).find_first_not_of(kHexDigits) ==
               std::string_view::npos;
}

// Whether the name is (still) that of the open file. The number of its links would not do: an NFS client
// keeps a removed file that is open under another name.
bool is_named(const File& directory, const std::string& name, const File& file) {
    struct stat named {};
    struct stat opened {};
    return ::fstatat(directory.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ::fstat(file.get(), &opened) == 0 && S_ISREG(opened.st_mode) && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

// Returns false if the file stays, because its writer may still be alive or because it is not ours.
bool remove_if_dead(const File& directory, const std::string& name) {
    struct stat status {};
    if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
        return false;
    }
    // Opened for writing, without which NFS gives no exclusive lock.
    const File file(
        ::openat(directory.get(), name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_named(directory, name, file) &&
           ::unlinkat(directory.get(), name.c_str(), 0) == 0;
}

}  // namespace

void refuse_output(const std::filesystem::path& path, const std::string& what, int error_number) {
    throw Error(ErrorKind::kOutput, path.string(),
                what + ": " + system_reason(error_number) + both_users(path, error_number));
}

Temporary::Temporary(const File& directory, const std::filesystem::path& outdir)
    : directory_(directory), outdir_(outdir), file_(-1) {
    for (int tries = 0; tries < kTriesToCreate; ++tries) {
        if (create()) return;
        remove();
    }
    throw Error(
        ErrorKind::kOutput, outdir.string(),
        "OUTDIR does not keep a new file: " + std::to_string(kTriesToCreate) +
            " times it was gone, or had another device or inode number by its name than when open (a file "
            "system that numbers files steadily, and that nobody else cleans, is right)");
}

// Returns false if another worker's sweep came between the creation and the lock: then the file is the
// sweep's, which removes it.
bool Temporary::create() {
    std::string name = temporary_name();
    file_ = File(::openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_.is_open()) refuse_output(outdir_, "OUTDIR does not take a file", errno);
    name_ = std::move(name);
    const bool locked = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK) {
        const int reason = errno;
        remove();  // no destructor runs where the constructor throws
        refuse_output(outdir_, "OUTDIR cannot lock a file (flock)", reason);
    }
    return locked && is_named(directory_, name_, file_);
}

void Temporary::fill(std::string_view bytes) const {
    // Where NFS fails to write, fsync says so at the latest.
    if (write_all(file_.get(), bytes) && ::fsync(file_.get()) == 0) return;
    refuse_output(outdir_, "OUTDIR does not take " + std::to_string(bytes.size()) + " bytes", errno);
}

void Temporary::reserve(std::uint64_t bytes) const {
    // Not every file system can reserve.
    if (::fallocate(file_.get(), 0, 0, static_cast<off_t>(bytes)) == 0 || errno == EOPNOTSUPP) return;
    refuse_output(outdir_, "OUTDIR does not take " + std::to_string(bytes) + " bytes", errno);
}

bool Temporary::remove() {
    return name_.empty() || ::unlinkat(directory_.get(), std::exchange(name_, {}).c_str(), 0) == 0;
}

bool Temporary::rename(const std::string& to) {
    if (::renameat(directory_.get(), name_.c_str(), directory_.get(), to.c_str()) != 0) return false;
    name_.clear();
    return true;
}

int remove_dead_temporaries(const File& directory) {
    const auto close = [](DIR* open) { ::closedir(open); };
    File own_position(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, decltype(close)> entries(::fdopendir(own_position.get()), close);
    if (!entries) return 0;
    own_position.release();
    int removed = 0;
    while (const dirent* entry = ::readdir(entries.get())) {
        if (is_temporary_name(entry->d_name) && remove_if_dead(directory, entry->d_name)) ++removed;
    }
    return removed;
}

}  // namespace bw
