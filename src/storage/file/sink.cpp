#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "file/file_scheme.hpp"
#include "file/identity.hpp"
#include "file/temporary.hpp"
#include "stop.hpp"

namespace bw {
namespace {

// The result of a photograph takes about as much. More would be no good, since on a tmpfs it takes memory.
constexpr std::uint64_t kProofBytes = 8 << 20;

// Some network file systems cannot sync a directory and say EINVAL; nothing can make their renames more
// durable.
bool sync_directory(int descriptor) { return ::fsync(descriptor) == 0 || errno == EINVAL; }

// Results that are in OUTDIR whole or not at all.
class FileSink : public Sink {
  public:
    explicit FileSink(const StorageSettings& settings)
        : outdir_(settings.outdir),
          min_free_bytes_(settings.min_free_bytes),
          sweep_(settings.sweep),
          overwrite_source_(settings.overwrite_source) {}

    std::string commit(const OutputName& output, std::string_view bytes, const IsSource& is_source,
                       const std::stop_token& stop) override;
    void prove_ready() override;
    void check_ready() override;

  private:
    File open_outdir() const;
    void sweep() const;
    void prove() const;
    void check_room(const File& directory) const;
    void check_name(const File& directory, const std::string& name, const IsSource& is_source) const;

    const std::filesystem::path outdir_;
    const std::uint64_t min_free_bytes_;
    const Sweep sweep_;
    const OverwriteSource overwrite_source_;
};

std::string FileSink::commit(const OutputName& output, std::string_view bytes, const IsSource& is_source,
                             const std::stop_token& stop) {
    const std::string name = output.text();
    const File directory = open_outdir();
    throw_if_stopped(stop, outdir_.string());
    Temporary temporary(directory, outdir_);
    temporary.fill(bytes);
    throw_if_stopped(stop, outdir_.string());
    check_name(directory, name, is_source);  // as late as can be, so that little can change before the rename
    if (!temporary.rename(name)) refuse_output(outdir_ / name, "the output cannot take its name", errno);
    if (!sync_directory(directory.get())) refuse_output(outdir_, "OUTDIR cannot be synced", errno);
    return (outdir_ / name).string();
}

void FileSink::prove_ready() {
    if (sweep_ == Sweep::kYes) sweep();  // first: what the dead left may fill the disk
    prove();
}

void FileSink::check_ready() {
    const File directory = open_outdir();
    check_room(directory);
    // Mounted read-only meanwhile, or its mode has changed: cheaper to see than by a file.
    if (::faccessat(directory.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        refuse_output(outdir_, "OUTDIR does not take a file", errno);
    }
}

void FileSink::sweep() const {
    const int removed = remove_dead_temporaries(open_outdir());
    if (removed == 0) return;
    log::info("removed the temporary files of workers that died",
              {{"outdir", outdir_.string()}, {"files", removed}});
}

// Writes, syncs and removes a file with room for some MiB.
void FileSink::prove() const {
    const File directory = open_outdir();
    check_room(directory);
    Temporary temporary(directory, outdir_);
    temporary.fill("bw proves that OUTDIR takes a file\n");
    temporary.reserve(std::min(kProofBytes, min_free_bytes_));
    if (!temporary.remove()) refuse_output(outdir_, "OUTDIR does not let go of a file", errno);
}

// Opened anew each time: OUTDIR may be removed, made again or mounted over while we run.
File FileSink::open_outdir() const {
    File directory(::open(outdir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) {
        refuse_output(outdir_, "OUTDIR cannot be opened (a directory that takes files is right)", errno);
    }
    return directory;
}

// Some file systems count no blocks, or no files: then nothing is known, and nothing is refused.
void FileSink::check_room(const File& directory) const {
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

// A regular file of the name comes from an earlier delivery, so it is replaced. A link is replaced too, and
// never followed to be written. FIFOs, sockets and devices are refused here, since rename(2) would replace
// them.
void FileSink::check_name(const File& directory, const std::string& name, const IsSource& is_source) const {
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorKind::kJob, (outdir_ / name).string(), what);
    };
    struct stat status {};
    if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
        refuse(
            "the output's name is that of a directory, device, FIFO or socket in OUTDIR (another id, or its "
            "removal, is right)");
    }
    if (overwrite_source_ == OverwriteSource::kYes) return;
    // Followed, since a link of this name may be how the job reached its image.
    if (::fstatat(directory.get(), name.c_str(), &status, 0) == 0 && is_source(identity_of(status))) {
        refuse(
            "the output would replace the very image that it is made from (another id or another OUTDIR is "
            "right, or BW_OVERWRITE_SOURCE set to yes where the original is not needed)");
    }
}

}  // namespace

std::unique_ptr<Sink> make_file_sink(const StorageSettings& settings) {
    return std::make_unique<FileSink>(settings);
}

}  // namespace bw
