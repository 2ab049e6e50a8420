#include "file/path.hpp"

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"

namespace bw {

std::filesystem::path file_path(const Uri& uri) {
    const auto refuse = [&uri](const std::string& what) { throw Error(ErrorKind::kJob, uri.text, what); };
    if (!uri.authority.empty() && to_lower(uri.authority) != "localhost") {
        refuse("the image URI names another host, " + uri.authority +
               " (file:///path is right, with three slashes)");
    }
    if (!uri.path.starts_with('/')) {
        refuse("the image URI names no absolute path (file:///path is right)");
    }
    return uri.path;
}

std::string path_as_file_uri(std::string_view path) {
    std::string uri("file://");
    for (const char c : path) uri += c == '%' ? std::string("%25") : std::string(1, c);
    return uri;
}

}  // namespace bw
