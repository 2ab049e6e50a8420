#include "bw/sandbox.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "landlock.hpp"
#include "sanitized.hpp"
#include "seccomp.hpp"

namespace bw {
namespace {

using std::filesystem::path;

// Host names, TLS and the modules of libraries need these. They are whole directories, since files in them
// are replaced.
constexpr const char* kSystem[]{"/etc",  // hosts, resolv.conf, nsswitch.conf, certificates
                                "/usr",
                                "/lib",
                                "/lib32",
                                "/lib64",  // modules of the C library, OpenSSL and ImageMagick
                                "/run/systemd/resolve",
                                "/run/resolvconf",
                                "/run/NetworkManager",  // where resolv.conf may point to
                                "/dev/urandom",
                                "/dev/random"};

// Beside pixels, input and result: the stacks of our threads and libnats's, eight of 8 MiB, memory that the
// allocator keeps, a result of 50 megapixels while it grows, connection buffers.
constexpr std::uint64_t kSlack = 256ULL << 20;

constexpr log::NoNumber kUnavailable{"unavailable"};

// A rule is for a file and not for its name, so the whole directory of a file that may be replaced stays
// open.
void add_directory_of(const path& file, Needs& needs) {
    const path directory = file.parent_path();
    needs.push_back({Need::Kind::kRead, directory == directory.root_path() ? file : directory});
}

// The directory of the name, and that of the file at the end of all links.
void add_directories_of(const path& file, Needs& needs) {
    std::error_code failure;
    add_directory_of(std::filesystem::absolute(file), needs);
    add_directory_of(std::filesystem::weakly_canonical(file, failure), needs);
}

// Where OpenSSL looks for the certificates of authorities; the directories are a list, as in PATH.
void add_certificates(Needs& needs) {
    if (const char* file = std::getenv("SSL_CERT_FILE")) add_directories_of(file, needs);
    const char* directories = std::getenv("SSL_CERT_DIR");
    std::istringstream list(directories == nullptr ? "" : directories);
    for (std::string directory; std::getline(list, directory, ':');) {
        needs.push_back({Need::Kind::kRead, directory});
    }
}

// The result has no need of another kind than kRead and kWrite.
Needs all_needs(const Needs& asked_for) {
    Needs needs;
    for (const char* directory : kSystem) needs.push_back({Need::Kind::kRead, directory});
    add_certificates(needs);
    for (const auto& need : asked_for) {
        if (need.path.empty()) continue;
        if (need.kind == Need::Kind::kReadReplaced) {
            add_directories_of(need.path, needs);
        } else {
            needs.push_back(need);
        }
    }
    return needs;
}

// Returns the number of bytes that RLIMIT_DATA counts.
std::optional<std::uint64_t> data_in_use() {
    std::ifstream status("/proc/self/status");
    std::uint64_t kibibytes = 0;
    for (std::string word; status >> word;) {
        if (word == "VmData:" && status >> kibibytes) return kibibytes << 10;
    }
    return std::nullopt;
}

// An operator's lower limit stays.
log::Value limit(__rlimit_resource resource, std::uint64_t bytes) {
    rlimit now{};
    ::getrlimit(resource, &now);
    const rlim_t lower = std::min<rlim_t>({bytes, now.rlim_cur, now.rlim_max});
    const rlimit wanted{lower, lower};
    if (::setrlimit(resource, &wanted) != 0) return kUnavailable;
    return static_cast<std::int64_t>(lower);
}

// The limit is not for the address space (RLIMIT_AS), since the allocator and libraries reserve much of it
// that they never use. The input counts twice, since some decoders copy it.
log::Value limit_memory(const SandboxSettings& settings) {
    const auto used = data_in_use();
    if (sandbox::kSanitized || !used) return kUnavailable;
    return limit(RLIMIT_DATA, *used + settings.max_memory_bytes + 2 * settings.max_file_bytes + kSlack);
}

// A result is never longer than memory allows, since it is in memory before it is written. The limit would
// count for a log that is a file as well, which may be longer.
log::Value limit_file_size(const SandboxSettings& settings) {
    struct stat standard_error {};
    const bool is_file = ::fstat(STDERR_FILENO, &standard_error) == 0 && S_ISREG(standard_error.st_mode);
    if (is_file) return log::NoNumber{"off: the log is a file"};
    std::signal(SIGXFSZ, SIG_IGN);  // the write fails instead
    return limit(RLIMIT_FSIZE, settings.max_memory_bytes + kSlack);
}

}  // namespace

log::Fields enter_sandbox(const SandboxSettings& settings) {
    const auto memory = limit_memory(settings);
    const auto file_size = limit_file_size(settings);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int landlock = sandbox::confine_files(all_needs(settings.needs));
    const bool seccomp =
        sandbox::forbid_calls(landlock >= sandbox::kLooksAtTruncation ? sandbox::Truncation::kAllowed
                                                                      : sandbox::Truncation::kForbidden);
    return {{"seccomp", seccomp ? "on" : "unavailable"},
            {"landlock", landlock > 0 ? log::Value(landlock) : kUnavailable},
            {"memory_limit", memory},
            {"file_size_limit", file_size}};
}

}  // namespace bw
