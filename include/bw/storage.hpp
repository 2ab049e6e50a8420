// Where images come from and where results go, by the scheme of a URI. A table of schemes
// (src/storage/scheme.hpp) says what there is; today that is file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/needs.hpp"
#include "bw/base/uri.hpp"

namespace bw {

// Whether a thing of this identity is the image that a job names. Two names of one thing have one identity.
using IsSource = std::function<bool(const std::string& identity)>;

// The image that a job names, as it was read.
struct Input {
    std::string bytes;
    // True for the thing that the bytes came from, and for the one that the URI names at the time of the
    // call: somebody may have replaced the image meanwhile. The source must outlive it.
    IsSource is_source = [](const std::string&) { return false; };
};

// What a result is called, below wherever its sink puts results.
struct OutputName {
    std::string id;         // of the job
    std::string extension;  // the image's own: ".jpg", or nothing

    std::string text() const { return id + extension; }
};

// The seam between the worker and what holds the images; a test's fake can fail where a disk will not. Any
// thread.
class Source {
  public:
    virtual ~Source() = default;

    // The bytes of the image. Ends soon after a stop is requested, if what it reads from lets it. Throws
    // Error: kJob for a URI that is not good, or that names what may not be read; kInput for an image that is
    // not there or cannot be read; kImage for one of more than `max_bytes`; kStopped.
    virtual Input read(const Uri& uri, std::uint64_t max_bytes, const std::stop_token& stop) = 0;

    // Checks that the places that images are read from are there, and are the same as before. It is called
    // before each job and takes some microseconds: a worker that fetched without it would use up the
    // deliveries of every job that waits. Throws Error (kInput).
    virtual void check_ready() = 0;
};

// The seam between the worker and what takes the results. Any thread.
class Sink {
  public:
    virtual ~Sink() = default;

    // Writes `bytes` under the name, replacing what stands there, and returns its path or URI for the log.
    // When it returns, the output is durable; when it throws Error, the name is as it was, or whole and
    // perhaps not durable yet. kJob: what stands there is not for a job to replace, such as the image itself;
    // kStopped; else kOutput.
    virtual std::string commit(const OutputName& name, std::string_view bytes, const IsSource& is_source,
                               const std::stop_token& stop) = 0;

    // Is called before the first job: removes the unfinished files of workers that died if the settings say
    // so, checks what check_ready() checks, and proves that a result can be written. Throws Error (kOutput).
    virtual void prove_ready() = 0;

    // Checks that the place that takes the results is there, has room and can be written. It is called before
    // each job and takes some microseconds. Throws Error (kOutput).
    virtual void check_ready() = 0;
};

// Whether a result may take the place of the very image that it was made from.
enum class OverwriteSource { kNo, kYes };

// Whether the temporary files of workers that died are removed before the first job.
enum class Sweep { kNo, kYes };

struct StorageSettings {
    // Need not exist yet: prove_ready() says so. Its file system has to know flock(2).
    std::filesystem::path outdir{};
    // Absolute directories without ".." in them; none: inputs may lie anywhere.
    std::vector<std::string> input_roots{};
    // Room that OUTDIR must have before a job is fetched. 64 MiB by default: with the default limits no
    // result is larger (dots in JPEG of quality 100 take 1.2 bytes a pixel) but a .ppm, which takes 3.
    std::uint64_t min_free_bytes = 0;
    // Reads all names in OUTDIR: 0.1 s for 300,000 on a local disk.
    Sweep sweep = Sweep::kYes;
    OverwriteSource overwrite_source = OverwriteSource::kNo;
};

// The source reads every URI whose scheme is in the table. It must be opened before enter_sandbox(), which
// binds to the directories that are there at that moment: see Source::check_ready().
std::unique_ptr<Source> open_source(const StorageSettings& settings);

// Writes to OUTDIR.
std::unique_ptr<Sink> open_sink(const StorageSettings& settings);

// What all of that needs the sandbox to leave open. Pure.
Needs storage_needs(const StorageSettings& settings);

// The URI of a job's image. Pure. Throws Error (kJob) for what is no URI of a scheme in the table, and says
// what would be right.
Uri image_uri(std::string_view text);

// The output's name for a job. Pure. Throws Error (kJob) if it is too long for a file system, or if the image
// has an extension that no output may have.
OutputName output_name(const std::string& id, const Uri& image);

}  // namespace bw
