#include <condition_variable>
#include <mutex>
#include <utility>

#include "bw/base/clock.hpp"
#include "bw/base/thread.hpp"
#include "bw/telemetry.hpp"

namespace bw::metrics {
namespace {

constexpr std::chrono::seconds kReportEvery{1};
constexpr std::int64_t kAskEveryMs = 2000;

}  // namespace

Reporter::Reporter(std::atomic<bool>& connected, QueueGauges& queue, IsConnected is_connected,
                   AskQueue ask_queue)
    : connected_(connected),
      queue_(queue),
      is_connected_(std::move(is_connected)),
      ask_queue_(std::move(ask_queue)),
      thread_([this](const std::stop_token& end) { run_or_exit([&] { report_until(end); }); }) {}

Reporter::~Reporter() {
    thread_.request_stop();
    thread_.join();
    connected_ = false;
}

void Reporter::report_until(const std::stop_token& end) const {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    do {
        connected_ = is_connected_();
        if (connected_) ask_if_due(end);
        never.wait_for(lock, end, kReportEvery, [] { return false; });
    } while (!end.stop_requested());
}

// One worker asks for all of them: the first that writes down that it is time to ask.
void Reporter::ask_if_due(const std::stop_token& end) const {
    const std::int64_t now = steady_ms();
    std::int64_t asked = queue_.asked_ms;
    if (now - asked < kAskEveryMs || !queue_.asked_ms.compare_exchange_strong(asked, now)) return;
    const auto depth = ask_queue_(end);
    if (!depth) return;
    queue_.pending = depth->pending;
    queue_.ack_pending = depth->ack_pending;
    queue_.redelivered = depth->redelivered;
    queue_.dead = depth->dead;
    queue_.answered_ms = steady_ms();
}

}  // namespace bw::metrics
