#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bw/telemetry.hpp"

namespace bw::metrics {
namespace {

[[noreturn]] void refuse(const char* what) {
    throw Error(ErrorKind::kInternal, "shared memory", what + (": " + system_reason(errno)));
}

int make_memory() {
    const int descriptor = ::memfd_create("bw-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) refuse("cannot be made");
    if (::ftruncate(descriptor, sizeof(Board)) != 0) refuse("cannot be made large enough");
    // Else any of the processes could make it smaller, which ends whoever reads what was there.
    if (::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        refuse("cannot be sealed");
    return descriptor;
}

// Zero bytes are a board on which nothing has happened yet.
Board* map(int descriptor) {
    void* memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) refuse("cannot be mapped");
    return static_cast<Board*>(memory);
}

}  // namespace

void Histogram::add(std::chrono::microseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    const auto* bound = std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds);
    ++buckets[static_cast<std::size_t>(bound - kBucketSeconds.begin())];
    sum_us += static_cast<std::uint64_t>(time.count());
}

void Seat::beat() { alive_ms = now_ms(); }

void Seat::clear() {
    alive_ms = 0;
    connected = has_fetched = job_in_hand = false;
}

std::span<const Seat> Board::seats_in_use() const {
    return std::span(seats).first(std::min<std::size_t>(workers, kMostWorkers));
}

SharedBoard::SharedBoard() : SharedBoard(make_memory()) {}

SharedBoard::SharedBoard(int descriptor) : descriptor_(descriptor), board_(map(descriptor)) {}

SharedBoard::~SharedBoard() { ::munmap(board_, sizeof(Board)); }

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace bw::metrics
