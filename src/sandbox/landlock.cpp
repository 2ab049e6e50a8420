#include "landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "sanitized.hpp"

namespace bw::sandbox {
namespace {

// What Debian 12's <linux/landlock.h>, of ABI 2, does not name yet.
constexpr std::uint64_t kTruncate = 1U << 14;        // ABI 3
constexpr std::uint64_t kIoctlOfDevices = 1U << 15;  // ABI 5
constexpr std::uint64_t kScopeAbstractSockets = 1;   // ABI 6
constexpr std::uint64_t kScopeSignals = 2;           // ABI 6
struct Ruleset {
    std::uint64_t handled_files;
    std::uint64_t handled_network;  // ABI 4; unused: a server may listen on any port
    std::uint64_t scoped;
};

// No directory but OUTDIR is opened: one that takes its name later shows before a job is fetched.
constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kCommitting = kReading | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                      kTruncate;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

// All rights that an ABI knows; what is handled and in no rule is denied.
std::uint64_t rights_of(long abi) {
    std::uint64_t rights = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1) - 1;
    if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= kLooksAtTruncation) rights |= kTruncate;
    if (abi >= 5) rights |= kIoctlOfDevices;
    return rights;
}

void allow(int ruleset, const std::filesystem::path& path, std::uint64_t rights) {
    const int descriptor = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    struct stat status {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) return;
    if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
    const landlock_path_beneath_attr rule{rights, descriptor};
    ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    ::close(descriptor);
}

}  // namespace

int confine_files(const Needs& needs) {
    const long abi =
        ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return 0;
    const std::uint64_t known = rights_of(abi);
    const Ruleset wanted{known, 0, abi >= 6 ? kScopeAbstractSockets | kScopeSignals : 0};
    // A kernel of an older ABI takes the longer structure as long as the rest of it is zero.
    const auto ruleset =
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, std::uint32_t{0}));
    if (ruleset < 0) return 0;
    for (const auto& [kind, path] : needs) {
        allow(ruleset, path, kind == Need::Kind::kWrite ? kCommitting & known : kReading);
    }
    // LeakSanitizer lists our threads there.
    if (kSanitized) allow(ruleset, "/proc", kReading | LANDLOCK_ACCESS_FS_READ_DIR);
    const bool confined = ::syscall(SYS_landlock_restrict_self, ruleset, std::uint32_t{0}) == 0;
    ::close(ruleset);
    return confined ? static_cast<int>(abi) : 0;
}

}  // namespace bw::sandbox
