// Names of users, for errors about files that are not ours.
#pragma once

#include <filesystem>
#include <string>

namespace bw {

// " (it belongs to alice (1000), bw runs as bob (1001))" where `error_number` says that the file or directory
// is not for us to use, and it is another user's; else "".
std::string both_users(const std::filesystem::path& path, int error_number);

}  // namespace bw
