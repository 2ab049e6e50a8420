// Paths and the URIs that name them. Pure; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "bw/base/uri.hpp"

namespace bw {

// file:///a%20b.jpg, file://localhost/a%20b.jpg and file:/a%20b.jpg are /a b.jpg (RFC 8089). Throws Error
// (kJob) for another host or a relative path.
std::filesystem::path file_path(const Uri& uri);

// The URI of an absolute path, for an error that says what would be right.
std::string path_as_file_uri(std::string_view path);

}  // namespace bw
