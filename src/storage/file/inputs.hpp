// Opens the files that jobs name. Only regular files are opened, and where roots are set only those beneath a
// root. The sender of a job chooses the path, so nothing else is ever opened, not even to look at it: merely
// opening a device or a FIFO does something to it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "file/file.hpp"

namespace bw {

class Inputs {
  public:
    // Absolute directories without "..", which may nest, and whose own path may go through links; none: any
    // regular file.
    explicit Inputs(const std::vector<std::string>& roots);

    // Throws Error (kInput) for a root that is no directory that we can reach files in, or not the one that
    // it was when this was made: the sandbox lets nothing be read there.
    void check_roots() const;

    // The file, open for reading. A path beneath a root may go through links as long as none of them is
    // absolute or leads out of the root, and may not hold ".."; where there is no openat2(2) (Linux before
    // 5.6, some containers) through no link at all. Without roots a path may go through any link but the
    // kernel's own, such as those of /proc/self/fd. Waits for whoever holds a lease on the file, until a stop
    // is requested (kStopped).
    // Throws Error: kJob for what is no regular file, is a kernel's pseudo file or lies outside the roots;
    // kInput for what is not there or cannot be opened.
    File open(const std::filesystem::path& path, const std::stop_token& stop) const;

  private:
    struct Root {
        std::filesystem::path path;
        std::optional<std::pair<dev_t, ino_t>> identity;  // none: it was not there
    };

    std::vector<Root> roots_;
};

}  // namespace bw
