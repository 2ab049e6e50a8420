// Keeps deliveries ours while their jobs are worked on. One thread does that for all jobs in hand.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/queue.hpp"
#include "bw/worker.hpp"

namespace bw {

class Lease;

// Sends the heartbeats of each lease until it ends. Until it settles, the keeper also watches the job's
// deadline and the hard stop: the first of them to come cancels the job, and if that does not end the job in
// time, the keeper calls `expired`, once.
// A job wakes the thread only if it is due before whatever the thread waits for: a thread for each job took
// 90 µs of the job's time.
class LeaseKeeper {
  public:
    // Called by the keeper's thread. No lease of this keeper may be used by it.
    using Expired = std::function<void(const Error& cause)>;

    // Queue and observer must outlive the keeper, and the keeper must outlive its leases.
    LeaseKeeper(WorkQueue& queue, WorkerObserver& observer, std::stop_token hard_stop);

    // Begins to keep the delivery. Any thread may call it. `delivery` must outlive the lease.
    Lease take(const Delivery& delivery, std::chrono::milliseconds timeout, Expired expired);

  private:
    friend class Lease;
    using Clock = std::chrono::steady_clock;

    struct Entry {
        const Delivery& delivery;
        const std::chrono::milliseconds timeout;
        const Expired expired;
        Clock::time_point last_heartbeat;
        Clock::time_point deadline;  // of the job; once it is cancelled, of the process
        std::stop_source cancel{};
        std::optional<Error> cause{};  // why it was cancelled, if it was
        bool settling = false;
    };
    using Entries = std::list<Entry>;

    void keep_until(const std::stop_token& end);
    void keep(Entry& entry);
    void enforce_deadline(Entry& entry, Clock::time_point now);
    Clock::time_point next_look() const;
    Clock::time_point next_look_at(const Entry& entry) const;
    std::chrono::milliseconds heartbeat_interval() const;
    void wake();

    WorkQueue& queue_;
    WorkerObserver& observer_;
    const std::stop_token hard_stop_;
    std::mutex mutex_;  // guards all that follows
    std::condition_variable_any changed_;
    Entries entries_;
    Clock::time_point asleep_until_;
    bool woken_ = false;
    std::jthread thread_;  // last: it uses all of the above
};

// One job's hold on its delivery, which ends with the object. Any thread may call its functions, one at a
// time.
class Lease {
  public:
    Lease(LeaseKeeper& keeper, LeaseKeeper::Entries::iterator entry) : keeper_(&keeper), entry_(entry) {}
    Lease(Lease&& other) noexcept : keeper_(std::exchange(other.keeper_, nullptr)), entry_(other.entry_) {}
    ~Lease() { end(); }
    Lease& operator=(Lease&&) = delete;

    // A stop is requested when the job is to end early.
    std::stop_token token() const { return entry_->cancel.get_token(); }

    // The output stands, and what is left has bounds of its own: from now on there are heartbeats only. Waits
    // while `expired` runs, so it never returns in a process that `expired` ends. Nothing happens to a lease
    // that has ended.
    void settling();

    // No heartbeat is sent after this call. It returns why the job was cancelled, if it was; a second call
    // returns nothing.
    std::optional<Error> end();

  private:
    LeaseKeeper* keeper_;  // null: it has ended
    LeaseKeeper::Entries::iterator entry_;
};

}  // namespace bw
