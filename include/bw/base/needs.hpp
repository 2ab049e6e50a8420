// A scheme of image URIs, or a room, says with these values what the sandbox must leave open for it. Each
// gives a list, cli joins the lists, and enter_sandbox() closes the rest.
#pragma once

#include <filesystem>
#include <vector>

namespace bw {

struct Need {
    enum class Kind {
        kRead,  // a file, or a directory with all that lies below it
        // A file that is read again later and may have been replaced by then, as credentials are: the
        // kernel's rule is for a file and not for its name, so the whole directory that holds the file stays
        // readable.
        kReadReplaced,
        kWrite,  // a directory in which files are made, read, renamed and removed
    };

    Kind kind;
    std::filesystem::path path;  // an empty one is no need
};

using Needs = std::vector<Need>;

}  // namespace bw
