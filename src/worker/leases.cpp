#include "leases.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "bw/base/thread.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

// So a heartbeat has three chances to arrive before ack wait is over.
constexpr int kHeartbeatsPerAckWait = 3;
constexpr milliseconds kShortestHeartbeat{10};
// While a job is in hand the keeper looks this often whether the consumer's ack wait has become shorter.
constexpr milliseconds kReadRulesEvery{kRulesAge / 2};
constexpr std::chrono::hours kIdle{1};
// A conversion that can be cancelled ends within a few milliseconds, on a busy machine too.
constexpr milliseconds kCancelGrace{250};

}  // namespace

LeaseKeeper::LeaseKeeper(WorkQueue& queue, WorkerObserver& observer, std::stop_token hard_stop)
    : queue_(queue),
      observer_(observer),
      hard_stop_(std::move(hard_stop)),
      thread_([this](const std::stop_token& end) { run_or_exit([&] { keep_until(end); }); }) {}

Lease LeaseKeeper::take(const Delivery& delivery, milliseconds timeout, Expired expired) {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    const auto entry = entries_.insert(entries_.end(), {.delivery = delivery,
                                                        .timeout = timeout,
                                                        .expired = std::move(expired),
                                                        .last_heartbeat = now,
                                                        .deadline = now + timeout});
    if (next_look_at(*entry) < asleep_until_ || hard_stop_.stop_requested()) wake();
    return {*this, entry};
}

void LeaseKeeper::keep_until(const std::stop_token& end) {
    const std::stop_callback stopped(hard_stop_, [this] {
        const std::scoped_lock lock(mutex_);
        wake();
    });
    std::unique_lock lock(mutex_);
    while (!end.stop_requested()) {
        for (auto& entry : entries_) keep(entry);
        asleep_until_ = next_look();
        changed_.wait_until(lock, end, asleep_until_, [this] { return std::exchange(woken_, false); });
    }
}

void LeaseKeeper::keep(Entry& entry) {
    const auto now = Clock::now();
    if (!entry.settling) enforce_deadline(entry, now);
    if (now < entry.last_heartbeat + heartbeat_interval()) return;
    observer_.alive();
    queue_.extend(entry.delivery);
    entry.last_heartbeat = now;
}

void LeaseKeeper::enforce_deadline(Entry& entry, Clock::time_point now) {
    const auto cancel = [&](Error cause) {
        entry.cause = std::move(cause);
        entry.deadline = now + kCancelGrace;
        entry.cancel.request_stop();
    };
    if (entry.cause && now >= entry.deadline) {
        entry.settling = true;
        entry.expired(*entry.cause);
    } else if (!entry.cause && hard_stop_.stop_requested()) {
        cancel({ErrorKind::kStopped, "job", "stopped before the job was done, it comes again"});
    } else if (!entry.cause && now >= entry.deadline) {
        cancel({ErrorKind::kTimeout, "BW_JOB_TIMEOUT",
                "the job took longer than " + std::to_string(entry.timeout.count()) + " ms"});
    }
}

LeaseKeeper::Clock::time_point LeaseKeeper::next_look() const {
    auto next = Clock::now() + kIdle;
    for (const auto& entry : entries_) next = std::min(next, next_look_at(entry));
    return next;
}

LeaseKeeper::Clock::time_point LeaseKeeper::next_look_at(const Entry& entry) const {
    const auto heartbeat =
        std::min(entry.last_heartbeat + heartbeat_interval(), Clock::now() + kReadRulesEvery);
    return entry.settling ? heartbeat : std::min(heartbeat, entry.deadline);
}

milliseconds LeaseKeeper::heartbeat_interval() const {
    return std::clamp(queue_.rules().ack_wait / kHeartbeatsPerAckWait, kShortestHeartbeat,
                      milliseconds(kLongestHeartbeat));
}

void LeaseKeeper::wake() {
    woken_ = true;
    changed_.notify_all();
}

void Lease::settling() {
    if (keeper_ == nullptr) return;
    const std::scoped_lock lock(keeper_->mutex_);
    entry_->settling = true;
}

std::optional<Error> Lease::end() {
    auto* const keeper = std::exchange(keeper_, nullptr);
    if (keeper == nullptr) return std::nullopt;
    const std::scoped_lock lock(keeper->mutex_);
    auto cause = std::move(entry_->cause);
    keeper->entries_.erase(entry_);
    return cause;
}

}  // namespace bw
