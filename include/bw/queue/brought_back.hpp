// Messages that QueueNumbers counts as dead although their jobs were done: a nats-server 2.9 that is killed
// forgets the last acknowledgements, and has the messages again, which it delivers to nobody. Records tell.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "bw/queue.hpp"

namespace bw {

// One thread at a time. The connection must outlive it.
class BroughtBack {
  public:
    BroughtBack(Connection& connection, const QueueNames& names);

    // How many of the `dead` that the last QueueNumbers have; as far as is known. It reads messages and
    // records where their number has changed, or after some minutes, for a tenth of the time at most, and not
    // those of more than some thousand dead. Where they cannot be read (there is no results stream, the
    // server does not permit it, or does not answer) what was found before counts. Throws Error (kQueue) only
    // where libnats cannot subscribe.
    std::uint64_t count(std::uint64_t dead, const std::stop_token& stop = {});

  private:
    std::uint64_t look(const std::stop_token& stop);

    Connection& connection_;
    const QueueNames names_;
    std::uint64_t looked_at_ = 0;  // so many dead there were at the last look
    std::uint64_t found_ = 0;
    std::chrono::steady_clock::time_point next_look_{};    // where their number has changed
    std::chrono::steady_clock::time_point again_after_{};  // where it has not
};

}  // namespace bw
