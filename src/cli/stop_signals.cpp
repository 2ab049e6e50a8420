#include "stop_signals.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

#include "bw/log.hpp"

namespace bw::cli {
namespace {

// Wakes our thread when nobody has stopped the process.
constexpr int kEndOfWait = SIGUSR1;

sigset_t waited_for() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, kEndOfWait}) sigaddset(&set, signal);
    return set;
}

timespec to_timespec(std::chrono::milliseconds time) {
    return {static_cast<std::time_t>(time.count() / 1000),
            static_cast<long>(time.count() % 1000 * 1'000'000)};
}

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds grace) {
    const sigset_t set = waited_for();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::thread([this, grace] { wait(grace); });
}

StopSignals::~StopSignals() {
    pthread_kill(thread_.native_handle(), kEndOfWait);
    thread_.join();
}

void StopSignals::wait(std::chrono::milliseconds grace) {
    const sigset_t set = waited_for();
    int signal = 0;
    sigwait(&set, &signal);
    if (signal == kEndOfWait) return;
    log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    soft_.request_stop();
    const timespec time = to_timespec(grace);
    do {
        signal = sigtimedwait(&set, nullptr, &time);
    } while (signal < 0 && errno == EINTR);
    if (signal == kEndOfWait) return;
    hard_.request_stop();
}

}  // namespace bw::cli
