// Signals as stop tokens. To a worker on its own SIGTERM and SIGINT are the same: the first is the soft stop,
// the second the hard one. To a parent's, SIGTERM is the soft one and kHardStopSignal the hard one; a
// terminal sends SIGINT to it too, which is for the parent. The end of the grace time is a hard stop as well,
// and whatever still hangs a few seconds later is ended with exit code 8.
#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

namespace bw::cli {

// First of all, before any other thread starts, since threads inherit the mask: none of the signals ends the
// process any more, and what comes before there is a StopSignals stays pending for it.
void block_stop_signals();

// Waits for the blocked signals in a thread of its own.
enum class StoppedBy { kAnybody, kParent };

class StopSignals {
  public:
    StopSignals(std::chrono::milliseconds grace, StoppedBy by);
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    std::stop_token soft() const { return soft_.get_token(); }
    std::stop_token hard() const { return hard_.get_token(); }

  private:
    using Signals = std::vector<int>;

    void wait(std::chrono::milliseconds grace, const Signals& soft, const Signals& hard);
    int next_of(const Signals& wanted, std::chrono::milliseconds time) const;

    std::stop_source soft_;
    std::stop_source hard_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace bw::cli
