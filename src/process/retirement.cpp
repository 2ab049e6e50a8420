#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "bw/base/log.hpp"
#include "bw/process.hpp"

namespace bw {

Retirement::Retirement(std::uint64_t jobs, std::uint64_t resident_bytes)
    : max_jobs_(jobs), max_bytes_(resident_bytes), statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {
    if (max_bytes_ != 0 && statm_ < 0) log::warn("BW_RETIRE_MEMORY has no effect without /proc");
}

Retirement::~Retirement() {
    if (statm_ >= 0) ::close(statm_);
}

bool Retirement::due_after_job() {
    ++jobs_;
    const std::uint64_t bytes = resident_bytes();
    const bool enough = (max_jobs_ != 0 && jobs_ >= max_jobs_) || (max_bytes_ != 0 && bytes >= max_bytes_);
    if (enough) log::info("retired", {{"jobs", jobs_}, {"resident_bytes", bytes}});
    return enough;
}

// The second number of the file counts pages. Returns 0 where the file cannot be read.
std::uint64_t Retirement::resident_bytes() const {
    std::array<char, 128> text{};
    unsigned long pages = 0;
    if (statm_ < 0 || ::pread(statm_, text.data(), text.size() - 1, 0) <= 0) return 0;
    if (std::sscanf(text.data(), "%*u %lu", &pages) != 1) return 0;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bw
