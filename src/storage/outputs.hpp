// OUTDIR: results that are there whole or not at all, and the temporary files that they are written to.
//
// A temporary file is .bw-<16 hex digits>.tmp in OUTDIR, under an exclusive flock(2) for as long as its
// writer lives. One whose lock can be taken is of the dead, on whatever host or in whatever container that
// was: over NFS Linux makes a lock of a byte range of it, which the server keeps (unless the mount says
// local_lock=flock or all), and gives up when the host of a writer is gone for longer than its lease.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "file.hpp"

namespace bw {

class Outputs {
  public:
    Outputs(std::filesystem::path outdir, std::uint64_t min_free_bytes);

    // Throws Error (kOutput) unless OUTDIR is there, has room, and is not read-only to us.
    void check() const;

    // Removes the temporary files of the dead. Throws Error (kOutput) where there is no OUTDIR.
    void sweep() const;

    // check(); writes, syncs and removes a file with room for some MiB. Throws Error (kOutput).
    void prove() const;

    // As Storage::commit().
    std::filesystem::path commit(const std::string& name, std::string_view bytes) const;

  private:
    struct Temporary;

    File open_outdir() const;
    Temporary create_temporary(const File& directory) const;
    void fill(const Temporary& temporary, std::string_view bytes) const;
    void reserve(const Temporary& temporary, std::uint64_t bytes) const;
    void check_room(const File& directory) const;
    void check_name(const File& directory, const std::string& name) const;

    const std::filesystem::path outdir_;
    const std::uint64_t min_free_bytes_;
};

}  // namespace bw
