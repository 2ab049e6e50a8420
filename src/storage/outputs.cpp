#include "outputs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"

namespace bw {
namespace {

constexpr std::string_view kTemporaryStart = ".bw-";
constexpr std::string_view kTemporaryEnd = ".tmp";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kTemporaryDigits = 16;

// As much as the result of a photograph takes; in memory where OUTDIR is a tmpfs, so no more.
constexpr std::uint64_t kProofBytes = 8 << 20;

[[noreturn]] void refuse_output(const std::filesystem::path& path, const std::string& what,
                                int error_number) {
    throw Error(ErrorKind::kOutput, path.string(), what + ": " + system_reason(error_number));
}

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
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

// Of the living or of somebody else: it stays, and that is no failure.
bool remove_if_dead(const File& directory, const std::string& name) {
    struct stat status {};
    if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
        return false;
    }
    // To write, without which NFS gives no exclusive lock.
    const File file(
        ::openat(directory.get(), name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_named(directory, name, file) &&
           ::unlinkat(directory.get(), name.c_str(), 0) == 0;
}

// Some network file systems cannot sync a directory and say EINVAL; their rename is as durable as it gets.
bool sync_directory(int descriptor) { return ::fsync(descriptor) == 0 || errno == EINVAL; }

}  // namespace

// Removed with the object, unless it has lost its name.
struct Outputs::Temporary {
    Temporary(const File& in, std::string as, int descriptor)
        : directory(in), name(std::move(as)), file(descriptor) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { remove(); }

    bool remove() {
        return name.empty() || ::unlinkat(directory.get(), std::exchange(name, {}).c_str(), 0) == 0;
    }
    bool rename(const std::string& to) {
        if (::renameat(directory.get(), name.c_str(), directory.get(), to.c_str()) != 0) return false;
        name.clear();
        return true;
    }

    const File& directory;
    std::string name;
    File file;  // its lock ends with it, after the name
};

Outputs::Outputs(std::filesystem::path outdir, std::uint64_t min_free_bytes)
    : outdir_(std::move(outdir)), min_free_bytes_(min_free_bytes) {}

void Outputs::check() const {
    const File directory = open_outdir();
    check_room(directory);
    // Mounted read-only meanwhile, or its mode has changed: cheaper to see than by a file.
    if (::faccessat(directory.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        refuse_output(outdir_, "OUTDIR does not take a file", errno);
    }
}

void Outputs::sweep() const {
    const File directory = open_outdir();
    const auto close = [](DIR* open) { ::closedir(open); };
    File own_position(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, decltype(close)> entries(::fdopendir(own_position.get()), close);
    if (!entries) return;
    own_position.release();
    int removed = 0;
    while (const dirent* entry = ::readdir(entries.get())) {
        if (is_temporary_name(entry->d_name) && remove_if_dead(directory, entry->d_name)) ++removed;
    }
    if (removed == 0) return;
    log::info("removed the temporary files of workers that died",
              {{"outdir", outdir_.string()}, {"files", removed}});
}

void Outputs::prove() const {
    const File directory = open_outdir();
    check_room(directory);
    Temporary temporary = create_temporary(directory);
    fill(temporary, "bw proves that OUTDIR takes a file\n");
    reserve(temporary, std::min(kProofBytes, min_free_bytes_));
    if (!temporary.remove()) refuse_output(outdir_, "OUTDIR does not let go of a file", errno);
}

std::filesystem::path Outputs::commit(const std::string& name, std::string_view bytes) const {
    const File directory = open_outdir();
    check_name(directory, name);
    Temporary temporary = create_temporary(directory);
    fill(temporary, bytes);
    if (!temporary.rename(name)) refuse_output(outdir_ / name, "the output cannot take its name", errno);
    if (!sync_directory(directory.get())) refuse_output(outdir_, "OUTDIR cannot be synced", errno);
    return outdir_ / name;
}

// Opened anew each time: OUTDIR may be removed, made again or mounted over while we run.
File Outputs::open_outdir() const {
    File directory(::open(outdir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) {
        refuse_output(outdir_, "OUTDIR cannot be opened (a directory that takes files is right)", errno);
    }
    return directory;
}

Outputs::Temporary Outputs::create_temporary(const File& directory) const {
    while (true) {
        std::string name = temporary_name();
        File file(::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (!file.is_open()) refuse_output(outdir_, "OUTDIR does not take a file", errno);
        const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
        if (!locked && errno != EWOULDBLOCK) {
            const int reason = errno;
            ::unlinkat(directory.get(), name.c_str(), 0);
            refuse_output(outdir_, "OUTDIR cannot lock a file (flock)", reason);
        }
        if (locked && is_named(directory, name, file)) return {directory, std::move(name), file.release()};
        // A sweep came between the creation and the lock: the file is its own, and removed.
    }
}

void Outputs::fill(const Temporary& temporary, std::string_view bytes) const {
    // What NFS fails to write shows at the latest in fsync.
    if (write_all(temporary.file.get(), bytes) && ::fsync(temporary.file.get()) == 0) return;
    refuse_output(outdir_, "OUTDIR does not take " + std::to_string(bytes.size()) + " bytes", errno);
}

// A user's quota shows nowhere but here. Not every file system can reserve.
void Outputs::reserve(const Temporary& temporary, std::uint64_t bytes) const {
    if (::fallocate(temporary.file.get(), 0, 0, static_cast<off_t>(bytes)) == 0 || errno == EOPNOTSUPP)
        return;
    refuse_output(outdir_, "OUTDIR does not take " + std::to_string(bytes) + " bytes", errno);
}

// A file system that counts no blocks, or no files, does not say.
void Outputs::check_room(const File& directory) const {
    struct statvfs room {};
    if (::fstatvfs(directory.get(), &room) != 0) refuse_output(outdir_, "OUTDIR cannot be looked at", errno);
    const auto refuse = [this](const std::string& what) {
        throw Error(ErrorKind::kOutput, outdir_.string(), what);
    };
    if (room.f_blocks != 0 && room.f_bavail < min_free_bytes_ / room.f_frsize) {
        refuse("OUTDIR has room for " + std::to_string(room.f_bavail * room.f_frsize) +
               " bytes, BW_MIN_FREE asks for " + std::to_string(min_free_bytes_) +
               " (make room, or set less)");
    }
    if (room.f_files != 0 && room.f_favail == 0) refuse("OUTDIR has room for no more files (inodes)");
}

// A regular file of the name is from an earlier delivery, and replaced; so is a link, which is never
// followed. rename(2) would replace FIFOs, sockets and devices too.
void Outputs::check_name(const File& directory, const std::string& name) const {
    struct stat status {};
    if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) return;
    throw Error(ErrorKind::kJob, (outdir_ / name).string(),
                "the output's name is that of a directory, device, FIFO or socket in OUTDIR (another id, or "
                "its removal, is right)");
}

}  // namespace bw
