// SIGTERM and SIGINT as stop tokens: the first is the soft stop, the second one or the end of the grace time
// the hard one. Whatever still hangs a few seconds later is ended with exit code 8.
#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

namespace bw::cli {

// First of all, before any other thread starts, since threads inherit the mask: none of the signals ends the
// process any more, and what comes before there is a StopSignals stays pending for it.
void block_stop_signals();

// Waits for the blocked signals in a thread of its own.
class StopSignals {
  public:
    explicit StopSignals(std::chrono::milliseconds grace);
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    std::stop_token soft() const { return soft_.get_token(); }
    std::stop_token hard() const { return hard_.get_token(); }

  private:
    void wait(std::chrono::milliseconds grace);
    int next_signal(std::chrono::milliseconds time) const;

    std::stop_source soft_;
    std::stop_source hard_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace bw::cli
