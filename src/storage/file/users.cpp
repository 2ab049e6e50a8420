#include "file/users.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace bw {
namespace {

// Names the user by number, and by name too if /etc/passwd has it. Other sources of names (getpwuid) need
// sockets and plug-ins, which the sandbox has closed.
std::string name_and_number(uid_t user) {
    const auto close = [](std::FILE* open) { std::fclose(open); };
    const std::unique_ptr<std::FILE, decltype(close)> users(std::fopen("/etc/passwd", "re"), close);
    constexpr std::size_t kLongestLine = 4096;
    std::string line(kLongestLine, '\0');
    passwd entry{};
    passwd* found = nullptr;
    while (users && ::fgetpwent_r(users.get(), &entry, line.data(), line.size(), &found) == 0) {
        if (entry.pw_uid == user) return std::string(entry.pw_name) + " (" + std::to_string(user) + ")";
    }
    return std::to_string(user);
}

}  // namespace

std::string both_users(const std::filesystem::path& path, int error_number) {
    struct stat status {};
    if (error_number != EACCES && error_number != EPERM) return "";
    if (::stat(path.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return "";
    return " (it belongs to " + name_and_number(status.st_uid) + ", bw runs as " +
           name_and_number(::geteuid()) + ")";
}

}  // namespace bw
