// Files: inputs by URI, outputs committed whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace bw {

// The seam between the worker and the file system; a test's fake can fail where a disk will not.
// One thread at a time.
class Storage {
  public:
    virtual ~Storage() = default;

    // The bytes of the regular file that a URI names. Waits for whoever holds a lease on it, without a bound
    // of its own. Throws Error: kJob for a URI that is not good, kImage for a file that is too large or
    // cannot be read.
    virtual std::string read(const std::string& uri) = 0;

    // Proves that outputs can be written: writes, syncs and removes a file with room for 8 MiB. Throws
    // Error (kOutput).
    virtual void prove_output() = 0;

    // Writes `bytes` under `name`, replacing what stands there, and returns the path. When it returns, the
    // output is on the disk; when it throws Error (kOutput), `name` is as it was, or whole and perhaps
    // not on the disk yet.
    virtual std::filesystem::path commit(const std::string& name, std::string_view bytes) = 0;
};

// Outputs go to `outdir`, which need not exist yet: prove_output() says so. Inputs have at most
// `max_file_bytes`.
std::unique_ptr<Storage> open_storage(std::filesystem::path outdir, std::uint64_t max_file_bytes);

// file:///a%20b.jpg and file://localhost/a%20b.jpg are /a b.jpg (RFC 8089). Throws Error (kJob) for any other
// URI.
std::filesystem::path file_uri_path(std::string_view uri);

// The extension of the file that a URI names: ".jpg", or nothing. Throws Error (kJob) for a URI that is not
// good or an extension that cannot be part of an output's name.
std::string image_extension(std::string_view uri);

// The output's name for a job. Throws Error (kJob) if it is too long for a file system.
std::string output_name(const std::string& id, const std::string& extension);

}  // namespace bw
