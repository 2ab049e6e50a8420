// Temporary files in OUTDIR, to which results are written before they get their names.
//
// A temporary file is .bw-<16 hex digits>.tmp, under an exclusive flock(2) for as long as its writer lives.
// If the lock can be taken, the writer is dead, on whatever host or in whatever container it was: over NFS
// Linux makes a lock of a byte range of it, which the server keeps (unless the mount says local_lock=flock or
// all), and gives up when the host of a writer is gone for longer than its lease.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "file/file.hpp"

namespace bw {

// Removed with the object, unless it got another name. One thread at a time.
class Temporary {
  public:
    // `directory` is open on `outdir`, and must outlive the object. Throws Error (kOutput).
    Temporary(const File& directory, const std::filesystem::path& outdir);
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { remove(); }

    // Writes and syncs. Throws Error (kOutput).
    void fill(std::string_view bytes) const;

    // Takes the room of `bytes` bytes, since a user's quota shows nowhere else. Throws Error (kOutput).
    void reserve(std::uint64_t bytes) const;

    // Both return false, with errno, if it cannot be done.
    bool remove();
    bool rename(const std::string& to);

  private:
    bool create();

    const File& directory_;
    const std::filesystem::path& outdir_;
    std::string name_;
    File file_;  // its lock ends with it, after the name
};

// Removes the temporary files of writers that died, and returns how many those were. What cannot be removed
// stays.
int remove_dead_temporaries(const File& directory);

[[noreturn]] void refuse_output(const std::filesystem::path& path, const std::string& what, int error_number);

}  // namespace bw
