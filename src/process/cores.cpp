#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bw/process.hpp"

namespace bw {
namespace {

using std::filesystem::path;

// Limits are numbers of cores, and may be a part of one.
constexpr double kNoLimit = kMaxWorkers;

// The file holds microseconds of processor time and of a period, as "150000 100000", or "max 100000".
double limit_of_version_2(const path& group) {
    std::ifstream file(group / "cpu.max");
    double quota = 0;
    double period = 0;
    return file >> quota >> period && period > 0 ? quota / period : kNoLimit;
}

// A quota of -1 is none.
double limit_of_version_1(const path& group) {
    std::ifstream quota_file(group / "cpu.cfs_quota_us");
    std::ifstream period_file(group / "cpu.cfs_period_us");
    double quota = 0;
    double period = 0;
    const bool limited = quota_file >> quota && period_file >> period && quota > 0 && period > 0;
    return limited ? quota / period : kNoLimit;
}

// A group's limit binds all groups below it. In a container its own group may be named by a path that only
// the host has, and then stands at the top.
double least_up_to(const path& top, path group, double (*limit_of)(const path&)) {
    double least = limit_of(top);
    for (; group.has_relative_path(); group = group.parent_path()) {
        least = std::min(least, limit_of(top / group.relative_path()));
    }
    return least;
}

bool has_cpu(std::string_view controllers) {
    return ("," + std::string(controllers) + ",").find(",cpu,") != std::string::npos;
}

// Lines of /proc/self/cgroup: "4:cpu,cpuacct:/a/b" of version 1, "0::/a/b" of version 2.
double limit_of_cgroups(const std::string& root) {
    const path top = root + "/sys/fs/cgroup";
    double least = kNoLimit;
    std::ifstream groups(root + "/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string group = line.substr(second + 1);
        if (controllers.empty()) least = std::min(least, least_up_to(top, group, limit_of_version_2));
        if (has_cpu(controllers))
            least = std::min(least, least_up_to(top / "cpu", group, limit_of_version_1));
    }
    return least;
}

double affinity() {
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
    return std::thread::hardware_concurrency();  // over 1024
}

}  // namespace

std::size_t usable_cores(const std::string& root) {
    return static_cast<std::size_t>(std::max(1.0, std::min(affinity(), limit_of_cgroups(root))));
}

}  // namespace bw
