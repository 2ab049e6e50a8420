#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bw/base/clock.hpp"
#include "bw/process.hpp"

namespace bw {
namespace {

[[noreturn]] void refuse(const char* what) {
    throw Error(ErrorKind::kInternal, "shared memory", what + (": " + system_reason(errno)));
}

int make_memory(std::size_t size) {
    const int descriptor = ::memfd_create("bw", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) refuse("cannot be made");
    if (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) refuse("cannot be made large enough");
    if (::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        refuse("cannot be sealed");
    return descriptor;
}

void* map(int descriptor, std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) refuse("cannot be mapped");
    return memory;
}

}  // namespace

SharedBytes::SharedBytes(std::size_t size) : SharedBytes(make_memory(size), size) {}

SharedBytes::SharedBytes(int descriptor, std::size_t size)
    : descriptor_(descriptor), size_(size), data_(map(descriptor, size)) {}

SharedBytes::~SharedBytes() { ::munmap(data_, size_); }

void Slot::say_alive() {
    alive_ms = steady_ms();
    was_ready = true;
}

void Slot::clear() {
    alive_ms = 0;
    connected = has_fetched = false;
    jobs_in_hand = 0;
}

std::span<const Slot> SlotTable::in_use() const {
    return std::span(slots).first(std::min<std::size_t>(workers, kMaxWorkers));
}

}  // namespace bw
