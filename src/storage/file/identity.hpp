// The identity of a file: it tells one file from another, whatever their names are.
#pragma once

#include <sys/stat.h>

#include <string>

namespace bw {

inline std::string identity_of(const struct stat& status) {
    return "file:" + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

}  // namespace bw
