#include "watch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "bw/base/log.hpp"
#include "bw/process.hpp"
#include "output.hpp"
#include "wiring.hpp"

namespace bw {
namespace {

using std::chrono::seconds;
using Outcome = SetupResult::Outcome;

constexpr seconds kRatesOf{10};

bool is_empty(const QueueNumbers& numbers) { return numbers.pending == 0 && numbers.ack_pending == 0; }

// "1:02:03", or "2:03" under an hour.
std::string clock_text(seconds time) {
    std::array<char, 40> text{};
    const long long all = time.count();
    if (all >= 3600) {
        std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", all / 3600, all / 60 % 60, all % 60);
    } else {
        std::snprintf(text.data(), text.size(), "%lld:%02lld", all / 60, all % 60);
    }
    return text.data();
}

std::string tenths(double rate) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f", rate);
    return text.data();
}

std::string time_text(ServerTime time) {
    return write_time(time).substr(0, sizeof "2026-11-28T13:01:58" - 1) + "Z";
}

// "image 3, input 1"
std::string counts_text(const std::map<std::string, std::uint64_t>& counts) {
    std::string text;
    for (const auto& [name, count] : counts) {
        text.append(text.empty() ? "" : ", ").append(log::printable(name) + " " + std::to_string(count));
    }
    return text;
}

void add_numbers(std::vector<std::string>& parts, const View& view) {
    const Status& status = view.status;
    if (status.numbers->paused_until) parts.push_back("paused until " + *status.numbers->paused_until);
    parts.push_back("waiting " + std::to_string(status.numbers->pending));
    parts.push_back("in work " + std::to_string(status.numbers->ack_pending));
    parts.push_back("dead " + std::to_string(status.numbers->dead));
    if (status.brought_back > 0) parts.push_back("brought back " + std::to_string(status.brought_back));
    parts.push_back(tenths(status.came_per_second) + " came and " + tenths(status.done_per_second) +
                    " done per second");
    if (const auto left = time_left(status)) parts.push_back(clock_text(*left) + " left");
    if (view.failures && view.failures->last) {
        parts.push_back("failed lately: " + counts_text(view.failures->by_kind));
    }
}

std::string failures_text(const View& view) {
    if (!view.no_failures.empty()) return "failed deliveries: not known, " + view.no_failures + "\n";
    if (!view.failures) return "";
    const auto& last = view.failures->last;
    if (!last) return "failed deliveries lately: none\n";
    const auto age = std::chrono::duration_cast<seconds>(view.time - last->time);
    return "failed deliveries lately: " + counts_text(view.failures->by_kind) + "\n" + "  the last, " +
           clock_text(std::max(age, seconds(0))) + " ago: seq " + std::to_string(last->sequence) +
           ", delivery " + std::to_string(last->delivery) + ", " +
           log::printable(last->where + ": " + last->what) + "\n";
}

}  // namespace

void QueueHistory::add(Time time, const QueueNumbers& numbers) {
    while (looks_.size() > 1 && time - looks_.front().time > kRatesOf) looks_.pop_front();
    looks_.push_back({time, numbers});
}

void QueueHistory::note(Status& status) const {
    if (looks_.size() < 2) return;
    const Look& oldest = looks_.front();
    const Look& last = looks_.back();
    const auto dead = std::min(last.numbers.dead, looks_[looks_.size() - 2].numbers.dead);
    note_numbers(status, oldest.numbers, last.numbers,
                 std::chrono::duration<double>(last.time - oldest.time).count());
    status.numbers->dead = dead;
}

bool QueueHistory::stays_empty() const {
    return looks_.size() > 1 && is_empty(looks_.back().numbers) &&
           is_empty(looks_[looks_.size() - 2].numbers);
}

std::optional<seconds> time_left(const Status& status) {
    if (!status.numbers || is_empty(*status.numbers) || status.done_per_second <= 0) return std::nullopt;
    const auto jobs = static_cast<double>(status.numbers->pending + status.numbers->ack_pending);
    return seconds(std::llround(jobs / status.done_per_second));
}

std::string to_line(const View& view) {
    if (!view.lost.empty()) return time_text(view.time) + " " + view.lost + "\n";
    std::vector<std::string> parts;
    for (const SetupResult& part : {view.status.stream, view.status.consumer, view.status.results}) {
        // Without the results stream all works.
        const bool is_missing = part.outcome == Outcome::kMissing && part.what != view.status.results.what;
        if (is_missing || part.outcome == Outcome::kDiffers) parts.push_back(heading(part));
    }
    if (view.status.numbers) add_numbers(parts, view);
    std::string text = time_text(view.time);
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? " " : ", ") + parts[i];
    return text + "\n";
}

std::string to_json_line(const View& view) {
    JsonObject json;
    if (view.lost.empty()) {
        json = json_of(view.status);
        if (const auto left = time_left(view.status)) {
            json.number("left_seconds", static_cast<std::uint64_t>(left->count()));
        }
        if (view.failures) json.object("failures", json_of(view.failures->by_kind));
    } else {
        json.text("lost", view.lost);
    }
    return log::printable_json(json.text("time", write_time(view.time)).str()) + "\n";
}

std::string to_screen(const View& view) {
    const QueueNames& names = view.status.names;
    std::string text = names.stream + " > " + names.consumer + " at " + time_text(view.time) + "\n";
    if (!view.lost.empty()) text += view.lost + "; what follows was known before\n";
    text += "\n" + to_text(view.status);
    if (const auto left = time_left(view.status)) {
        text += "time left: " + clock_text(*left) + ", at this rate and if no more jobs come\n";
    }
    return text + failures_text(view);
}

}  // namespace bw

namespace bw::cli {
namespace {

using std::chrono::steady_clock;

constexpr seconds kEvery{1};
// The longest that a look takes after a signal: a question to JetStream that is not answered.
constexpr seconds kGrace{20};

class Watch {
  public:
    Watch(Connection& connection, const QueueNames& names, const WatchOptions& options);

    // Returns when `stop` has come, or the queue stays empty where that is waited for.
    void run(const std::stop_token& stop);

  private:
    void look(const std::stop_token& stop);
    void note(Status status);
    void note_lost(std::string reason);
    void read_failures();
    void show();
    bool is_over() const;
    void end(bool stopped);

    Connection& connection_;
    const WatchOptions options_;
    QueueHistory history_;
    BroughtBack brought_back_;
    std::optional<FailureReader> failure_reader_{};
    View view_{};
    bool has_answered_ = false;
    bool warned_ = false;  // in the log, that JetStream does not answer
    std::optional<Screen> screen_{};
};

// Returns true if `stop` came.
bool stopped_before(steady_clock::time_point time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, time, [] { return false; });
    return stop.stop_requested();
}

Error stopped_early(const QueueNames& names) {
    return {ErrorKind::kStopped, names.stream + " > " + names.consumer, "stopped before the queue was empty"};
}

Watch::Watch(Connection& connection, const QueueNames& names, const WatchOptions& options)
    : connection_(connection), options_(options), brought_back_(connection, names) {
    view_.status.names = names;
    if (options_.shown && !options_.json && has_screen()) screen_.emplace();
}

void Watch::run(const std::stop_token& stop) {
    auto next = steady_clock::now();
    do {
        look(stop);
        if (stop.stop_requested()) break;
        show();
        next = std::max(next + kEvery, steady_clock::now());
    } while (!is_over() && !stopped_before(next, stop));
    end(stop.stop_requested());
}

void Watch::look(const std::stop_token& stop) {
    view_.time = std::chrono::system_clock::now();
    if (!wait_until_connected(connection_, stop, std::chrono::milliseconds(0))) {
        return note_lost("connection lost");
    }
    try {
        note(look_at_queue(connection_, view_.status.names, stop));
        read_failures();
    } catch (const Error& failure) {
        if (stop.stop_requested()) return;
        if (!has_answered_ || failure.kind() != ErrorKind::kQueue) throw;
        note_lost(is_connected(connection_) ? failure.what() : "connection lost");
    }
}

void Watch::note(Status status) {
    if (std::exchange(warned_, false)) log::info("JetStream answers again");
    view_.lost.clear();
    has_answered_ = true;
    const auto dead = view_.status.numbers ? view_.status.numbers->dead : 0;
    status.untaken = std::move(view_.status.untaken);
    view_.status = std::move(status);
    if (!view_.status.numbers) {
        history_ = {};
        return;
    }
    history_.add(steady_clock::now(), *view_.status.numbers);
    history_.note(view_.status);
    note_brought_back(view_.status, brought_back_);
    if (view_.status.numbers->dead == dead) return;
    view_.status.untaken = untaken_messages(connection_, view_.status.names);
}

// They are beside the point: without them the watch goes on.
void Watch::read_failures() {
    view_.failures.reset();
    view_.no_failures.clear();
    const auto outcome = view_.status.results.outcome;
    if (!options_.shown || (outcome != Outcome::kAsItShouldBe && outcome != Outcome::kDiffers)) return;
    try {
        if (!failure_reader_) failure_reader_.emplace(connection_, view_.status.names);
        view_.failures = failure_reader_->read();
    } catch (const Error& error) {
        view_.no_failures = error.what();
    }
}

void Watch::note_lost(std::string reason) {
    // What is shown says it, and libnats' callbacks log a lost connection.
    if (!options_.shown && is_connected(connection_) && !std::exchange(warned_, true)) {
        log::warn("JetStream does not answer");
    }
    view_.lost = std::move(reason);
}

void Watch::show() {
    const bool lacks_rates = view_.lost.empty() && view_.status.numbers && !history_.has_rates();
    if (!options_.shown || (lacks_rates && !is_over())) return;
    if (screen_) {
        screen_->show(to_screen(view_));
    } else {
        print(options_.json ? to_json_line(view_) : to_line(view_));
    }
}

bool Watch::is_over() const {
    if (!options_.until_empty || !view_.lost.empty()) return false;
    const auto failure = verdict(view_.status);
    return history_.stays_empty() || (failure && failure->kind() == ErrorKind::kDifference);
}

// What was on the screen stays to be read.
void Watch::end(bool stopped) {
    if (screen_) {
        screen_.reset();
        print(to_screen(view_));
    }
    if (!options_.until_empty) return;
    if (stopped) throw stopped_early(view_.status.names);
    if (!options_.shown) print(options_.json ? json_of(view_.status).str() + "\n" : to_text(view_.status));
    if (const auto failure = verdict(view_.status)) throw *failure;
}

}  // namespace

void watch_queue(const Config& config, const WatchOptions& options) {
    block_stop_signals();
    const StopSignals signals(kGrace, StoppedBy::kAnybody);
    const auto connection = connect(connection_options(config), signals.soft());
    if (connection != nullptr) {
        Watch(*connection, queue_names(config), options).run(signals.soft());
    } else if (options.until_empty) {
        throw stopped_early(queue_names(config));
    }
}

}  // namespace bw::cli
