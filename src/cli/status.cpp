#include "status.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "bw/base/log.hpp"
#include "command.hpp"
#include "output.hpp"
#include "watch.hpp"
#include "wiring.hpp"

namespace bw {
namespace {

using std::chrono::steady_clock;
using Outcome = SetupResult::Outcome;

struct Words {
    std::string_view text;
    std::string_view json;
};

Words words(Outcome outcome) {
    switch (outcome) {
        case Outcome::kMissing:
            return {"missing", "missing"};
        case Outcome::kCreated:
            return {"created", "created"};
        case Outcome::kAsItShouldBe:
            return {"as it should be", "ok"};
        case Outcome::kDiffers:
            return {"differs", "differs"};
        case Outcome::kOff:
            return {"off", "off"};
        case Outcome::kNotKnown:
            return {"not known", "unknown"};
    }
    return {};
}

bool either(const Status& status, Outcome outcome) {
    return status.stream.outcome == outcome || status.consumer.outcome == outcome;
}

QueueNumbers numbers_of(Connection& connection, const QueueNames& names, const std::stop_token& stop) {
    if (auto numbers = queue_numbers(connection, names, stop)) return *numbers;
    throw Error(ErrorKind::kQueue, names.stream + " > " + names.consumer,
                "JetStream does not answer any more");
}

// Rounds to a tenth, since the second between the looks is not kept more exactly.
double rate(std::uint64_t from, std::uint64_t to, double seconds) {
    return to > from ? std::round(static_cast<double>(to - from) / seconds * 10) / 10 : 0;
}

std::string brought_back_text(const Status& status) {
    if (status.brought_back == 0) return "";
    return "done, but brought back by the server: " + std::to_string(status.brought_back) +
           "; `bw dead drop --kind done` removes them\n";
}

JsonObject json_of(const SetupResult& part, const std::string& name) {
    return JsonObject()
        .text("name", name)
        .text("state", words(part.outcome).json)
        .texts("differences", part.differences);
}

std::string results_text(const SetupResult& results) {
    if (results.outcome != Outcome::kMissing) return to_text(results);
    return results.what + ": missing (no records are kept)\n";
}

// A sender that puts an id into the subject makes thousands of subjects.
std::string untaken_text(const Status& status) {
    constexpr std::size_t kMostShown = 5;
    std::string text;
    std::size_t shown = 0;
    for (const auto& [subject, count] : status.untaken) {
        if (shown++ == kMostShown) break;
        text += "  of those, on " + log::printable(subject) +
                ", which the consumer does not take: " + std::to_string(count) + "\n";
    }
    if (status.untaken.size() > kMostShown) {
        text +=
            "  and more on " + std::to_string(status.untaken.size() - kMostShown) + " other such subjects\n";
    }
    return text;
}

}  // namespace

void note_numbers(Status& status, const QueueNumbers& first, const QueueNumbers& second, double seconds) {
    status.numbers = second;
    // A dead job stays dead: one that only one of the two looks saw was on its way.
    status.numbers->dead = std::min(first.dead, second.dead);
    status.came_per_second = rate(first.last_sequence, second.last_sequence, seconds);
    // A message that came and is not there any more is gone.
    status.done_per_second =
        rate(first.last_sequence - first.messages, second.last_sequence - second.messages, seconds);
}

Status look_at_queue(Connection& connection, const QueueNames& names, const std::stop_token& stop) {
    auto [stream, consumer, results] = compare(connection, names);
    Status status{.names = names, .stream = std::move(stream), .consumer = std::move(consumer)};
    status.results = std::move(results);
    if (!either(status, Outcome::kMissing)) status.numbers = numbers_of(connection, names, stop);
    return status;
}

Status measure_status(Connection& connection, const QueueNames& names) {
    Status status = look_at_queue(connection, names, {});
    if (!status.numbers) return status;
    const auto begin = steady_clock::now();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto second = numbers_of(connection, names, {});
    note_numbers(status, QueueNumbers(*status.numbers), second,
                 std::chrono::duration<double>(steady_clock::now() - begin).count());
    BroughtBack counter(connection, names);
    note_brought_back(status, counter);
    if (status.numbers->dead > 0) status.untaken = untaken_messages(connection, names);
    return status;
}

void note_brought_back(Status& status, BroughtBack& counter) {
    const auto& results = status.results.outcome;
    if (results != Outcome::kAsItShouldBe && results != Outcome::kDiffers) return;
    status.brought_back = counter.count(status.numbers->dead);
    status.numbers->dead -= status.brought_back;
}

std::string heading(const SetupResult& part) {
    return part.what + ": " + std::string(words(part.outcome).text);
}

std::string to_text(const SetupResult& part) {
    std::string text = heading(part) + "\n";
    for (const auto& difference : part.differences) text += "  " + difference + "\n";
    return text;
}

std::string to_text(const Status& status) {
    std::ostringstream text;
    text << to_text(status.stream) << to_text(status.consumer) << results_text(status.results);
    if (!status.numbers) return text.str();
    if (const auto& until = status.numbers->paused_until) {
        text << "paused: no jobs are delivered until " << *until
             << " (nats consumer resume ends the pause)\n";
    }
    text << "waiting: " << status.numbers->pending << "\n"
         << "in work, or waiting to be delivered again: " << status.numbers->ack_pending << " ("
         << status.numbers->redelivered << " delivered more than once)\n"
         << "dead: " << status.numbers->dead << "\n"
         << untaken_text(status) << brought_back_text(status)
         << "workers without a job: " << status.numbers->waiting_pulls << "\n"
         << std::fixed << std::setprecision(1) << "per second: " << status.came_per_second << " came, "
         << status.done_per_second << " done\n";
    return text.str();
}

JsonObject json_of(const std::map<std::string, std::uint64_t>& counts) {
    JsonObject json;
    for (const auto& [name, count] : counts) json.number(name, count);
    return json;
}

JsonObject json_of(const Status& status) {
    JsonObject json;
    json.object("stream", json_of(status.stream, status.names.stream))
        .object("consumer", json_of(status.consumer, status.names.consumer))
        .object("results", json_of(status.results, status.names.results));
    if (status.numbers) {
        json.number("waiting", status.numbers->pending)
            .number("in_work", status.numbers->ack_pending)
            .number("redelivered", status.numbers->redelivered)
            .number("dead", status.numbers->dead)
            .number("idle_workers", status.numbers->waiting_pulls)
            .number("came_per_second", status.came_per_second)
            .number("done_per_second", status.done_per_second);
        if (status.brought_back > 0) json.number("brought_back", status.brought_back);
        if (!status.untaken.empty()) json.object("untaken", json_of(status.untaken));
        if (status.numbers->paused_until) json.text("paused_until", *status.numbers->paused_until);
    }
    return json;
}

std::optional<Error> verdict(const Status& status) {
    const std::string where = status.names.stream + " > " + status.names.consumer;
    if (either(status, Outcome::kMissing)) {
        return Error(ErrorKind::kDifference, where,
                     "missing; `bw setup` creates the stream and the consumer");
    }
    if (either(status, Outcome::kDiffers)) {
        return Error(ErrorKind::kDifference, where, "stream or consumer differ from what they should be");
    }
    if (status.results.outcome == Outcome::kDiffers) {
        return Error(ErrorKind::kDifference, status.names.results,
                     "the results stream differs from what it should be");
    }
    const auto dead = status.numbers ? status.numbers->dead : 0;
    if (dead == 0) return std::nullopt;
    return Error(ErrorKind::kDead, where,
                 std::to_string(dead) + (dead == 1 ? " job is" : " jobs are") +
                     " dead; `bw dead` says why, and sends them again");
}

}  // namespace bw

namespace bw::cli {
namespace {

void show_status(const Invocation& invocation, const Config& config) {
    const auto has = [&invocation](std::string_view flag) { return invocation.flags.contains(flag); };
    if (has("--watch") || has("--until-empty")) {
        watch_queue(config,
                    {.shown = has("--watch"), .json = has("--json"), .until_empty = has("--until-empty")});
        return;
    }
    const auto connection = connect(connection_options(config), {});
    const Status status = measure_status(*connection, queue_names(config));
    print(has("--json") ? log::printable_json(json_of(status).str()) + "\n" : to_text(status));
    if (const auto failure = verdict(status)) throw *failure;
}

constexpr std::array kFlags{
    CommandFlag{"--json", "", "As one JSON object; with --watch as one each second"},
    CommandFlag{"--watch", "", "Once a second until Ctrl-C: redrawn on a terminal, elsewhere a line"},
    CommandFlag{"--until-empty", "", "Until no job waits or is in work, then as without --watch"}};

}  // namespace

extern const Command kStatus;
const Command kStatus{
    .name = "status",
    .help = "Say how stream and consumer are, and what waits, is in work and is dead",
    .description =
        "Compares the streams and the consumer with the protocol and counts jobs, for a second, to tell the "
        "rates. Exits "
        "with 0 where all is well, with 9 where stream or consumer is missing or one of the three differs, "
        "and with 11 where jobs are dead. With --watch it goes on until Ctrl-C or SIGTERM, waits out a lost "
        "connection, and exits with 0. With --until-empty it waits for the end of the queue and exits as "
        "above, or with 8 where a signal comes before.",
    .settings = SettingsFor::kQueue,
    .flags = kFlags,
    .execute = show_status};

}  // namespace bw::cli
