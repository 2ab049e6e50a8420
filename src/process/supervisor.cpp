#include <algorithm>
#include <cstring>
#include <utility>

#include "bw/process.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The parent says this often that it lives. Pauses may be longer by as much.
constexpr milliseconds kTurn{250};
// A fetch takes seconds at most, whatever the network does; a job says every 10 s that it goes on.
constexpr seconds kHungAfter{30};
// So long after the grace time a worker is killed. It takes 3 s at most to give its job back.
constexpr seconds kEndOfStop{5};
// Where a turn takes longer, the whole container was stopped, or the machine has far too much to do.
constexpr seconds kLongTurn{5};
constexpr seconds kLongestPause{30};

std::size_t number_of(metrics::Restart reason) { return static_cast<std::size_t>(reason); }

metrics::Restart reason_of(const ProcessEnd& end, bool killed_by_us) {
    if (killed_by_us) return metrics::Restart::kHung;
    if (end.signal != 0) return metrics::Restart::kCrashed;
    return end.code == 0 ? metrics::Restart::kRetired : metrics::Restart::kFailed;
}

// A code that is none of ours counts as a defect, such as that of a program that could not be started.
int known_code(int code) {
    return code < static_cast<int>(metrics::kErrorKinds) ? code : exit_code(ErrorKind::kInternal);
}

// A worker that is killed, or ends itself in the middle of a call, may leave a temporary file. One that ends
// before its first job may not have removed those of others.
bool has_cleaned_up(const ProcessEnd& end, bool job_in_hand) {
    if (end.signal != 0) return false;
    if (end.code == exit_code(ErrorKind::kTimeout) || end.code == exit_code(ErrorKind::kStopped))
        return false;
    return end.code == 0 || job_in_hand;
}

std::string signal_name(int signal) {
    const char* name = ::sigabbrev_np(signal);
    return name == nullptr ? std::to_string(signal) : std::string("SIG") + name;
}

void add(log::Fields& fields, const ProcessEnd& end) {
    fields.emplace_back("pid", end.pid);
    if (end.signal != 0) {
        fields.emplace_back("signal", signal_name(end.signal));
    } else {
        fields.emplace_back("code", end.code);
    }
}

}  // namespace

Supervisor::Supervisor(const SupervisorSettings& settings, Processes& processes, SlotTable& table,
                       metrics::Counters& counters)
    : settings_(settings), processes_(processes), table_(table), counters_(counters) {
    for (std::size_t i = 0; i < settings.workers; ++i)
        workers_.push_back({.slot = &table.slots[i], .worker = {{"worker", i + 1}}});
    table.workers = static_cast<std::uint32_t>(settings.workers);
}

void Supervisor::run() {
    awake_since_ = now_ = processes_.now();
    while (!is_over()) {
        const auto before = std::exchange(now_, processes_.now());
        if (now_ - before > kLongTurn) awake_since_ = now_;
        counters_.parent_alive_ms = now_.count();
        for (auto& worker : workers_) start_or_kill(worker);
        if (const int signal = processes_.wait(kTurn)) stop(signal);
        while (const auto ended = processes_.next_ended()) note_end(*ended);
    }
    throw_if_any_failed();
}

bool Supervisor::is_over() const {
    return stop_deadline_ && std::all_of(workers_.begin(), workers_.end(),
                                         [](const WorkerProcess& worker) { return worker.pid == 0; });
}

void Supervisor::start_or_kill(WorkerProcess& worker) {
    if (worker.pid != 0) {
        if (!worker.killed && now_ >= kill_time_of(worker)) kill(worker);
    } else if (!stop_deadline_ && now_ >= worker.next_start) {
        start(worker);
    }
}

void Supervisor::start(WorkerProcess& worker) {
    worker.started = now_;
    worker.killed = false;
    worker.pid = processes_.start(static_cast<std::size_t>(worker.slot - table_.slots.data()));
    if (worker.pid == 0) {
        worker.code = exit_code(ErrorKind::kInternal);
        worker.next_start = now_ + pause_before_restart(worker, false);
    } else if (worker.reason) {
        ++counters_.restarts[number_of(*worker.reason)];
    }
}

milliseconds Supervisor::kill_time_of(const WorkerProcess& worker) const {
    if (stop_deadline_) return *stop_deadline_;
    const milliseconds alive(worker.slot->alive_ms);
    if (alive == alive.zero()) {
        return std::max(worker.started, awake_since_) + 2 * settings_.connect_timeout + kHungAfter;
    }
    return std::clamp(alive, awake_since_, now_) + kHungAfter;  // a slot may hold anything
}

void Supervisor::kill(WorkerProcess& worker) {
    worker.killed = true;
    log::Fields fields = worker.worker;
    fields.emplace_back("pid", worker.pid);
    log::warn("worker hangs, killing it", fields);
    processes_.signal(worker.pid, SIGKILL);
}

// The second signal is the hard stop.
void Supervisor::stop(int signal) {
    const bool hard = stop_deadline_.has_value();
    const auto deadline = processes_.now() + kEndOfStop;
    stop_deadline_ = hard ? std::min(*stop_deadline_, deadline) : deadline + settings_.stop_grace;
    for (const auto& worker : workers_) {
        if (worker.pid != 0) processes_.signal(worker.pid, hard ? kHardStopSignal : SIGTERM);
    }
    log::info("stopping", {{"signal", signal_name(signal)}});  // last: nobody may be reading the log
}

void Supervisor::note_end(const ProcessEnd& end) {
    const auto worker = std::ranges::find(workers_, end.pid, &WorkerProcess::pid);
    if (worker == workers_.end())
        return;  // a stranger's child that the system left to us, as it does to a container's first process
    const std::uint32_t jobs_in_hand = worker->slot->jobs_in_hand;
    const bool has_fetched = worker->slot->has_fetched;
    worker->slot->clear();
    count(end, jobs_in_hand);
    if (!has_cleaned_up(end, jobs_in_hand > 0)) table_.outdir_swept = false;

    worker->pid = 0;
    worker->code = end.signal != 0 ? exit_code(ErrorKind::kInternal) : end.code;
    worker->reason = reason_of(end, worker->killed);
    if (has_fetched) worker->failures = 0;
    log::Fields fields = worker->worker;
    add(fields, end);
    if (!stop_deadline_) {
        const auto pause =
            pause_before_restart(*worker, jobs_in_hand > 0 || (worker->code == 0 && has_fetched));
        worker->next_start = processes_.now() + pause;
        fields.emplace_back("again_in_ms", pause.count());
    }
    if (worker->code != 0) return log::warn("worker failed", fields);
    log::info("worker ended", fields);
}

milliseconds Supervisor::pause_before_restart(WorkerProcess& worker, bool at_once) {
    constexpr int kDoublings = 5;
    if (at_once) return milliseconds(0);
    return std::min(seconds(1 << std::min(worker.failures++, kDoublings)), kLongestPause);
}

void Supervisor::count(const ProcessEnd& end, std::uint32_t jobs_in_hand) {
    if (end.code != 0) ++counters_.errors[static_cast<std::size_t>(known_code(end.code))];
    if (end.signal != 0) {
        counters_.jobs_crashed += jobs_in_hand;
    } else if (end.code == exit_code(ErrorKind::kStopped)) {
        counters_.jobs_given_back += jobs_in_hand;
    } else {
        counters_.jobs_failed += jobs_in_hand;
    }
}

void Supervisor::throw_if_any_failed() const {
    const auto bad = [](const WorkerProcess& worker) { return worker.code != 0; };
    const auto first = std::find_if(workers_.begin(), workers_.end(), bad);
    if (first == workers_.end()) return;
    throw Error(static_cast<ErrorKind>(known_code(first->code)), "workers",
                std::to_string(std::count_if(workers_.begin(), workers_.end(), bad)) + " of " +
                    std::to_string(workers_.size()) + " workers did not end well");
}

}  // namespace bw
