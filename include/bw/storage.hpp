// Files: inputs by URI, outputs committed whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bw {

// The seam between the worker and the file system; a test's fake can fail where a disk will not.
// One thread at a time.
class Storage {
  public:
    virtual ~Storage() = default;

    // Before the first job: removes the temporary files of workers that died if the settings say so,
    // check_ready(), and proves that OUTDIR takes a file. Throws Error (kOutput, kInput).
    virtual void prove_ready() = 0;

    // Before each job, for some microseconds: OUTDIR is there, has room and is not read-only, every input
    // root is there, and is the directory that it was. Who fetches without them uses up the deliveries of
    // every job that waits. Throws Error (kOutput, kInput).
    virtual void check_ready() = 0;

    // The bytes of the regular file that a URI names. Waits for whoever holds a lease on it, without a bound
    // of its own. Throws Error: kJob for a URI that is not good, for a file that is not regular or lies
    // outside the input roots; kInput for one that is not there or cannot be read; kImage for one that is too
    // large.
    virtual std::string read(const std::string& uri) = 0;

    // Writes `bytes` under `name`, replacing the regular file or link that stands there, and returns the
    // path. When it returns, the output is on the disk; when it throws Error, `name` is as it was, or whole
    // and perhaps not on the disk yet. kJob: the name is that of a directory, device, FIFO or socket; else
    // kOutput.
    virtual std::filesystem::path commit(const std::string& name, std::string_view bytes) = 0;
};

struct StorageSettings {
    // Need not exist yet: prove_ready() says so. Its file system has to know flock(2).
    std::filesystem::path outdir;
    // Absolute directories without ".." in them; none: inputs may lie anywhere.
    std::vector<std::string> input_roots;
    std::uint64_t max_file_bytes = 0;  // of an input
    // Room that OUTDIR must have before a job is fetched. 64 MiB by default: with the default limits no
    // result is larger (dots in JPEG of quality 100 take 1.2 bytes a pixel) but a .ppm, which takes 3.
    std::uint64_t min_free_bytes = 0;
    // Reads all names in OUTDIR: 0.1 s for 300,000 on a local disk.
    bool sweep = true;
};

// Before enter_sandbox(), which binds to the same directories: see check_ready().
std::unique_ptr<Storage> open_storage(const StorageSettings& settings);

// file:///a%20b.jpg and file://localhost/a%20b.jpg are /a b.jpg (RFC 8089). Throws Error (kJob) for any other
// URI.
std::filesystem::path file_uri_path(std::string_view uri);

// The extension of the file that a URI names: ".jpg", or nothing. Throws Error (kJob) for a URI that is not
// good or an extension that cannot be part of an output's name.
std::string image_extension(std::string_view uri);

// The output's name for a job. Throws Error (kJob) if it is too long for a file system.
std::string output_name(const std::string& id, const std::string& extension);

}  // namespace bw
