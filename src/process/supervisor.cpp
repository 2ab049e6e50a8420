#include <algorithm>
#include <cstring>
#include <utility>

#include "bw/process.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How often the parent says that it lives; pauses may be longer by so much.
constexpr milliseconds kTurn{250};
// A fetch takes seconds at most, whatever the network does; a job says every 10 s that it goes on.
constexpr seconds kHungAfter{30};
// Beyond the grace: a worker takes 3 s of it at most to give its job back.
constexpr seconds kEndOfStop{5};
// The whole container was stopped for a while, or the machine has far too much to do.
constexpr seconds kLongTurn{5};
constexpr seconds kLongestPause{30};

std::size_t number_of(metrics::Restart reason) { return static_cast<std::size_t>(reason); }

metrics::Restart reason_of(const Ended& ended, bool killed_by_us) {
    if (killed_by_us) return metrics::Restart::kHung;
    if (ended.signal != 0) return metrics::Restart::kCrashed;
    return ended.code == 0 ? metrics::Restart::kRetired : metrics::Restart::kFailed;
}

// What a program ends with that is not started, or whatever else is no code of ours, is a defect.
int known_code(int code) {
    return code < static_cast<int>(metrics::kErrorKinds) ? code : exit_code(ErrorKind::kInternal);
}

// Whoever is killed, or ends itself in the middle of a call, may leave a temporary file; whoever ends before
// its first job may not have removed those of others.
bool has_cleaned_up(const Ended& ended, bool job_in_hand) {
    if (ended.signal != 0) return false;
    if (ended.code == exit_code(ErrorKind::kTimeout) || ended.code == exit_code(ErrorKind::kStopped))
        return false;
    return ended.code == 0 || job_in_hand;
}

std::string signal_name(int signal) {
    const char* name = ::sigabbrev_np(signal);
    return name == nullptr ? std::to_string(signal) : std::string("SIG") + name;
}

void add(log::Fields& fields, const Ended& ended) {
    fields.emplace_back("pid", ended.pid);
    if (ended.signal != 0) {
        fields.emplace_back("signal", signal_name(ended.signal));
    } else {
        fields.emplace_back("code", ended.code);
    }
}

}  // namespace

Supervisor::Supervisor(const SupervisorSettings& settings, Processes& processes, metrics::Board& board)
    : settings_(settings), processes_(processes), board_(board) {
    for (std::size_t i = 0; i < settings.workers; ++i)
        posts_.push_back({&board.seats[i], {{"worker", i + 1}}});
    board.workers = static_cast<std::uint32_t>(settings.workers);
}

void Supervisor::run() {
    fresh_ = now_ = processes_.now();
    while (!is_over()) {
        const auto before = std::exchange(now_, processes_.now());
        if (now_ - before > kLongTurn) fresh_ = now_;
        board_.parent_alive_ms = now_.count();
        for (auto& post : posts_) look_at(post);
        if (const int signal = processes_.wait(kTurn)) stop(signal);
        while (const auto ended = processes_.next_ended()) note_end(*ended);
    }
    judge();
}

bool Supervisor::is_over() const {
    return stop_deadline_ &&
           std::all_of(posts_.begin(), posts_.end(), [](const Post& post) { return post.pid == 0; });
}

void Supervisor::look_at(Post& post) {
    if (post.pid != 0) {
        if (!post.killed && now_ >= deadline_of(post)) kill(post);
    } else if (!stop_deadline_ && now_ >= post.again) {
        start(post);
    }
}

void Supervisor::start(Post& post) {
    post.started = now_;
    post.killed = false;
    post.pid = processes_.start(static_cast<std::size_t>(post.seat - board_.seats.data()));
    if (post.pid == 0) {
        post.code = exit_code(ErrorKind::kInternal);
        post.again = now_ + pause_after(post, false);
    } else if (post.reason) {
        ++board_.restarts[number_of(*post.reason)];
    }
}

milliseconds Supervisor::deadline_of(const Post& post) const {
    if (stop_deadline_) return *stop_deadline_;
    const milliseconds alive(post.seat->alive_ms);
    if (alive == alive.zero()) {
        return std::max(post.started, fresh_) + 2 * settings_.connect_timeout + kHungAfter;
    }
    return std::clamp(alive, fresh_, now_) + kHungAfter;  // a seat may hold anything
}

void Supervisor::kill(Post& post) {
    post.killed = true;
    log::Fields fields = post.worker;
    fields.emplace_back("pid", post.pid);
    log::warn("worker hangs, killing it", fields);
    processes_.signal(post.pid, SIGKILL);
}

// The second time the hard stop.
void Supervisor::stop(int signal) {
    const bool hard = stop_deadline_.has_value();
    const auto deadline = processes_.now() + kEndOfStop;
    stop_deadline_ = hard ? std::min(*stop_deadline_, deadline) : deadline + settings_.stop_grace;
    for (const auto& post : posts_) {
        if (post.pid != 0) processes_.signal(post.pid, hard ? kHardStopSignal : SIGTERM);
    }
    log::info("stopping", {{"signal", signal_name(signal)}});  // last: nobody may be reading the log
}

void Supervisor::note_end(const Ended& ended) {
    const auto post =
        std::find_if(posts_.begin(), posts_.end(), [&](const Post& one) { return one.pid == ended.pid; });
    if (post == posts_.end())
        return;  // whose parent died and left it to us, the first process of a container
    const bool job_in_hand = post->seat->job_in_hand;
    const bool has_fetched = post->seat->has_fetched;
    post->seat->clear();
    count(ended, job_in_hand);
    if (!has_cleaned_up(ended, job_in_hand)) board_.swept = false;

    post->pid = 0;
    post->code = ended.signal != 0 ? exit_code(ErrorKind::kInternal) : ended.code;
    post->reason = reason_of(ended, post->killed);
    if (has_fetched) post->failures = 0;
    log::Fields fields = post->worker;
    add(fields, ended);
    if (!stop_deadline_) {
        const auto pause = pause_after(*post, job_in_hand || (post->code == 0 && has_fetched));
        post->again = processes_.now() + pause;
        fields.emplace_back("again_in_ms", pause.count());
    }
    if (post->code != 0) return log::warn("worker failed", fields);
    log::info("worker ended", fields);
}

milliseconds Supervisor::pause_after(Post& post, bool at_once) {
    constexpr int kDoublings = 5;
    if (at_once) return milliseconds(0);
    return std::min(seconds(1 << std::min(post.failures++, kDoublings)), kLongestPause);
}

void Supervisor::count(const Ended& ended, bool job_in_hand) {
    if (ended.code != 0) ++board_.errors[static_cast<std::size_t>(known_code(ended.code))];
    if (!job_in_hand) return;
    if (ended.signal != 0) {
        ++board_.jobs_crashed;
    } else if (ended.code == exit_code(ErrorKind::kStopped)) {
        ++board_.jobs_given_back;
    } else {
        ++board_.jobs_failed;
    }
}

void Supervisor::judge() const {
    const auto bad = [](const Post& post) { return post.code != 0; };
    const auto first = std::find_if(posts_.begin(), posts_.end(), bad);
    if (first == posts_.end()) return;
    throw Error(static_cast<ErrorKind>(known_code(first->code)), "workers",
                std::to_string(std::count_if(posts_.begin(), posts_.end(), bad)) + " of " +
                    std::to_string(posts_.size()) + " workers did not end well");
}

}  // namespace bw
