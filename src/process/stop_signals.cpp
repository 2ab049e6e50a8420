#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/base/thread.hpp"
#include "bw/process.hpp"

namespace bw {
namespace {

// We send this signal to our own thread to wake it at the end. From anybody else it means nothing.
constexpr int kWakeUp = SIGUSR1;

constexpr std::chrono::hours kForever{24 * 365 * 10};
constexpr std::chrono::seconds kLastResort{3};

sigset_t waited_for() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, kHardStopSignal, kWakeUp}) sigaddset(&set, signal);
    return set;
}

timespec to_timespec(std::chrono::milliseconds time) {
    return {static_cast<std::time_t>(time.count() / 1000),
            static_cast<long>(time.count() % 1000 * 1'000'000)};
}

}  // namespace

void block_stop_signals() {
    const sigset_t set = waited_for();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

StopSignals::StopSignals(std::chrono::milliseconds grace, StoppedBy by)
    : thread_([this, grace, by] {
          run_or_exit([&] {
              const Signals anybody{SIGTERM, SIGINT};
              by == StoppedBy::kAnybody ? wait(grace, anybody, anybody)
                                        : wait(grace, {SIGTERM}, {kHardStopSignal});
          });
      }) {}

StopSignals::~StopSignals() {
    ending_ = true;
    pthread_kill(thread_.native_handle(), kWakeUp);
    thread_.join();
}

void StopSignals::wait(std::chrono::milliseconds grace, const Signals& soft, const Signals& hard) {
    const int signal = next_of(soft, kForever);
    if (ending_) return;
    soft_.request_stop();
    log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    next_of(hard, grace);
    if (ending_) return;
    hard_.request_stop();
    // A job in hand is given back by now, or the process hangs where nothing can be given back: in a file
    // system.
    next_of(hard, kLastResort);
    if (ending_) return;
    ::alarm(1);  // ends the process where nobody reads the log
    const Error hung(ErrorKind::kStopped, "bw", "stopped in the middle of a call that does not return");
    log::error(hung);
    std::_Exit(exit_code(hung.kind()));
}

// Returns 0 if none of them comes in time, or when the object ends.
int StopSignals::next_of(const Signals& wanted, std::chrono::milliseconds time) const {
    const sigset_t set = waited_for();
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!ending_) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= left.zero()) return 0;
        const timespec timeout = to_timespec(std::chrono::duration_cast<std::chrono::milliseconds>(left));
        const int signal = sigtimedwait(&set, nullptr, &timeout);
        if (std::find(wanted.begin(), wanted.end(), signal) != wanted.end()) return signal;
    }
    return 0;
}

}  // namespace bw
