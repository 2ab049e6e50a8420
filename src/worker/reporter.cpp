#include <condition_variable>
#include <mutex>
#include <utility>

#include "bw/worker.hpp"

namespace bw {
namespace {

constexpr std::chrono::seconds kTurn{1};
constexpr std::int64_t kAskEveryMs = 2000;

}  // namespace

Reporter::Reporter(Place place, Connected connected, Numbers numbers)
    : place_(place),
      connected_(std::move(connected)),
      numbers_(std::move(numbers)),
      thread_([this](const std::stop_token& end) { run(end); }) {}

Reporter::~Reporter() {
    thread_.request_stop();
    thread_.join();
    place_.seat.connected = false;
}

void Reporter::run(const std::stop_token& end) const {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    do {
        place_.seat.connected = connected_();
        if (place_.seat.connected) ask(end);
        never.wait_for(lock, end, kTurn, [] { return false; });
    } while (!end.stop_requested());
}

// Whoever finds that it is time, and is the first to say so.
void Reporter::ask(const std::stop_token& end) const {
    auto& queue = place_.board.queue;
    const std::int64_t now = metrics::now_ms();
    std::int64_t asked = queue.asked_ms;
    if (now - asked < kAskEveryMs || !queue.asked_ms.compare_exchange_strong(asked, now)) return;
    const auto numbers = numbers_(end);
    if (!numbers) return;
    queue.pending = numbers->pending;
    queue.ack_pending = numbers->ack_pending;
    queue.redelivered = numbers->redelivered;
    queue.dead = numbers->dead;
    queue.answered_ms = metrics::now_ms();
}

}  // namespace bw
