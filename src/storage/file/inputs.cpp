#include "file/inputs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "bw/base/error.hpp"
#include "file/users.hpp"
#include "stop.hpp"

namespace bw {
namespace {

namespace fs = std::filesystem;

// File systems whose regular files the kernel makes up: /proc/self/environ holds our secrets, and to read
// such a file may wait, or change something. The last five have no name in <linux/magic.h>.
constexpr std::array<std::uint32_t, 23> kPseudoFileSystems{
    PROC_SUPER_MAGIC,     SYSFS_MAGIC,        DEBUGFS_MAGIC,     TRACEFS_MAGIC, CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,  SECURITYFS_MAGIC,   SELINUX_MAGIC,     SMACK_MAGIC,   PSTOREFS_MAGIC,
    EFIVARFS_MAGIC,       BPF_FS_MAGIC,       BINFMTFS_MAGIC,    NSFS_MAGIC,    AAFS_MAGIC,
    RDTGROUP_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, XENFS_SUPER_MAGIC,
    0x62656570,  // configfs
    0x65735543,  // fusectl
    0x19800202,  // mqueue
    0x67596969,  // rpc_pipefs
    0x6e667364,  // nfsd
};

// A rename beside us makes openat2 fail with EAGAIN, and the caller is to try again.
constexpr int kTriesOfOpenat2 = 100;

constexpr std::chrono::milliseconds kAskLeaseholderEvery{5};

constexpr int kMostLinks = 40;  // in one path, as for the kernel

// Opens the one path that a job names with these flags; a descriptor, or -1 with errno.
using Open = std::function<int(int flags)>;

int openat2(int directory, const fs::path& path, int flags, std::uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.resolve = resolve;
    return static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how));
}

// Old kernels have none; the filters of old container runtimes refuse what they do not know with EPERM.
bool has_no_openat2(int error_number) { return error_number == ENOSYS || error_number == EPERM; }

// Nothing, with errno, if the file system does not say.
std::optional<bool> is_on_pseudo_file_system(const File& file) {
    struct statfs system {};
    if (::fstatfs(file.get(), &system) != 0) return std::nullopt;
    const auto magic = static_cast<std::uint32_t>(system.f_type);
    return std::find(kPseudoFileSystems.begin(), kPseudoFileSystems.end(), magic) != kPseudoFileSystems.end();
}

enum class Links { kFollow, kRefuse };

// Returns where a link leads, or nothing, with errno, if it is not to be followed. The kernel's own links,
// such as those of /proc/self/fd, lead past the path that they show.
std::optional<fs::path> target(const File& link, Links links) {
    std::array<char, PATH_MAX> text{};
    errno = ELOOP;
    if (links == Links::kRefuse || is_on_pseudo_file_system(link).value_or(true)) return std::nullopt;
    const ssize_t length = ::readlinkat(link.get(), "", text.data(), text.size());
    if (length < 0) return std::nullopt;
    return fs::path(text.data(), text.data() + length);
}

// Does what openat2 does, component by component.
int open_stepwise(int start, const fs::path& path, int flags, Links links) {
    std::deque<fs::path> left(path.begin(), path.end());
    File parent(-1);
    for (int followed = 0; followed <= kMostLinks;) {
        const std::string component = left.front().empty() ? "." : left.front().string();
        left.pop_front();
        const int directory = parent.is_open() ? parent.get() : start;
        File next(::openat(directory, component.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct stat status {};
        if (!next.is_open() || ::fstat(next.get(), &status) != 0) return -1;
        if (S_ISLNK(status.st_mode)) {
            const auto leads_to = target(next, links);
            if (!leads_to) return -1;
            left.insert(left.begin(), leads_to->begin(), leads_to->end());
            ++followed;
        } else if (left.empty()) {
            return ::openat(directory, component.c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
        } else {
            parent = std::move(next);
        }
    }
    errno = ELOOP;
    return -1;
}

int open_beneath(int root, const fs::path& relative, int flags) {
    for (int tries = 1;; ++tries) {
        const int descriptor = openat2(root, relative, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
        if (descriptor >= 0) return descriptor;
        if (has_no_openat2(errno)) return open_stepwise(root, relative, flags, Links::kRefuse);
        // With O_NONBLOCK somebody holds a lease on the file, and the caller waits for that.
        if (errno != EAGAIN || (flags & O_NONBLOCK) != 0 || tries == kTriesOfOpenat2) return -1;
    }
}

int open_anywhere(const fs::path& path, int flags) {
    const int descriptor = openat2(AT_FDCWD, path, flags, RESOLVE_NO_MAGICLINKS);
    if (descriptor >= 0 || !has_no_openat2(errno)) return descriptor;
    return open_stepwise(AT_FDCWD, path, flags, Links::kFollow);
}

void check_regular(const File& file, const fs::path& path) {
    struct stat status {};
    const auto pseudo = is_on_pseudo_file_system(file);
    if (!pseudo || ::fstat(file.get(), &status) != 0) {
        throw Error(ErrorKind::kInput, path.string(),
                    "the image cannot be looked at: " + system_reason(errno));
    }
    const auto refuse = [&path](const char* what) { throw Error(ErrorKind::kJob, path.string(), what); };
    if (!S_ISREG(status.st_mode)) refuse("the image is not a regular file");
    if (*pseudo) {
        refuse("the image is a file of the kernel's (/proc, /sys or the like), which holds no image");
    }
}

void wait(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

// The file is not open, and errno says why, if the path cannot be opened.
File open_regular(const fs::path& path, const Open& open, const std::stop_token& stop) {
    File looked_at(open(O_PATH));
    if (!looked_at.is_open()) return looked_at;
    check_regular(looked_at, path);
    // The file is opened by its path again, because opening it by its descriptor would need /proc, which need
    // not be there. If another file has taken the path meanwhile, O_NONBLOCK keeps a FIFO from holding us up,
    // and the second check refuses it.
    File file(open(O_RDONLY | O_NONBLOCK | O_NOCTTY));
    while (!file.is_open() && errno == EWOULDBLOCK) {
        // Another process holds a lease on the file, as Samba may for the client of a share, and the kernel
        // has just asked it to let go. Linux takes the lease away after /proc/sys/fs/lease-break-time (45 s).
        wait(kAskLeaseholderEvery, stop);
        throw_if_stopped(stop, path.string());
        file = File(open(O_RDONLY | O_NONBLOCK | O_NOCTTY));
    }
    if (file.is_open()) check_regular(file, path);
    return file;
}

File open_root(const fs::path& root) {
    // O_PATH, because the sandbox lets no directory be listed but OUTDIR.
    File directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    // O_PATH opens a directory too that lets us reach nothing in it.
    if (directory.is_open() && ::faccessat(directory.get(), ".", X_OK, AT_EACCESS) == 0) return directory;
    throw Error(ErrorKind::kInput, root.string(),
                "a root of BW_INPUT_ROOTS cannot be opened (a directory that we can read is right): " +
                    system_reason(errno));
}

// Returns the part of the path after the root, "." for the root itself, and nothing if the path is not
// beneath the root.
std::optional<fs::path> beneath(const fs::path& root, const fs::path& path) {
    auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
    if (in_root != root.end()) return std::nullopt;
    fs::path rest;
    for (; in_path != path.end(); ++in_path) rest /= *in_path;
    return rest.empty() ? "." : rest;
}

// The same path without doubled or trailing slashes and dots.
fs::path tidy(const fs::path& path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() || !normal.has_relative_path() ? normal : normal.parent_path();
}

bool climbs(const fs::path& path) { return std::find(path.begin(), path.end(), "..") != path.end(); }

[[noreturn]] void refuse(const fs::path& path, int reason) {
    const bool for_good = reason == ELOOP || reason == ENAMETOOLONG || reason == ENOTDIR;
    const bool blank = reason == ENOENT && path.native().ends_with(' ');
    throw Error(for_good ? ErrorKind::kJob : ErrorKind::kInput, path.string(),
                "the image cannot be opened: " + system_reason(reason) +
                    (blank ? " (its path ends in a blank)" : "") + both_users(path, reason));
}

[[noreturn]] void refuse_outside(const fs::path& path) {
    throw Error(ErrorKind::kJob, path.string(),
                "the image lies outside BW_INPUT_ROOTS (a path beneath one of the roots is right, without .. "
                "and without a link that is absolute or leads out of it)");
}

}  // namespace

Inputs::Inputs(const std::vector<std::string>& roots) {
    for (const auto& root : roots) {
        const auto path = tidy(root);
        struct stat status {};
        const bool there = ::stat(path.c_str(), &status) == 0;
        roots_.push_back(
            {path, there ? std::optional(std::pair(status.st_dev, status.st_ino)) : std::nullopt});
    }
}

void Inputs::check_roots() const {
    for (const auto& root : roots_) {
        const File directory = open_root(root.path);
        struct stat status {};
        if (::fstat(directory.get(), &status) == 0 &&
            root.identity == std::pair(status.st_dev, status.st_ino)) {
            continue;
        }
        throw Error(
            ErrorKind::kInput, root.path.string(),
            "a root of BW_INPUT_ROOTS was made or mounted after we started (the next start takes it)");
    }
}

File Inputs::open(const fs::path& path, const std::stop_token& stop) const {
    if (roots_.empty()) {
        File file = open_regular(
            path, [&path](int flags) { return open_anywhere(path, flags); }, stop);
        if (!file.is_open()) refuse(path, errno);
        return file;
    }
    if (climbs(path)) refuse_outside(path);
    // Roots may overlap, so a path that leaves one of them may be beneath another.
    int reason = EXDEV;
    for (const auto& root : roots_) {
        const auto relative = beneath(root.path, path.lexically_normal());
        if (!relative) continue;
        const File directory = open_root(root.path);
        File file = open_regular(
            path, [&](int flags) { return open_beneath(directory.get(), *relative, flags); }, stop);
        if (file.is_open()) return file;
        if (errno != EXDEV && errno != ELOOP) reason = errno;
    }
    if (reason == EXDEV) refuse_outside(path);
    refuse(path, reason);
}

}  // namespace bw
