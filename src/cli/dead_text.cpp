#include <algorithm>
#include <array>
#include <iomanip>
#include <map>
#include <sstream>

#include "bw/base/log.hpp"
#include "dead.hpp"

namespace bw::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kNobodyKnows = "killed, or no record";

std::size_t width(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// At most `most` characters of it; "…" stands for the rest.
std::string cut(std::string text, std::size_t most) {
    if (width(text) <= most) return text;
    while (width(text) >= most) {
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
        text.pop_back();
    }
    return text + "…";
}

std::string age(ServerTime since, ServerTime now) {
    const auto passed = std::chrono::duration_cast<seconds>(std::max(since, now) - since);
    if (passed < minutes(2)) return std::to_string(passed.count()) + "s";
    if (passed < hours(2)) return std::to_string(passed / minutes(1)) + "m";
    if (passed < hours(48)) return std::to_string(passed / hours(1)) + "h";
    return std::to_string(passed / hours(24)) + "d";
}

constexpr std::size_t kColumns = 7;
constexpr std::size_t kGap = 2;  // between two columns
constexpr std::size_t kId = 1;
constexpr std::size_t kWhat = 3;
constexpr std::size_t kImage = 6;
using Row = std::array<std::string, kColumns>;

Row row(const DeadJob& job, ServerTime now) {
    return {std::to_string(job.message.sequence),
            log::printable(job.id),
            log::printable(kind_of(job)),
            log::printable(what_of(job)),
            job.attempts > 0 ? std::to_string(job.attempts) : "?",
            age(job.since, now),
            log::printable(job.image)};
}

// Takes from the widest of those that may be cut, until a line has room.
void fit(std::array<std::size_t, kColumns>& widths, std::size_t columns) {
    constexpr std::size_t kLeast = 8;
    const auto widest = [&widths] {
        return std::ranges::max(std::array{kId, kWhat, kImage}, {}, [&](std::size_t i) { return widths[i]; });
    };
    std::size_t total = kGap * (kColumns - 1);
    for (const auto one : widths) total += one;
    for (; total > columns && widths[widest()] > kLeast; --total) --widths[widest()];
}

JsonObject json_of(const DeadJob& job) {
    JsonObject json;
    const auto add = [&json](std::string_view name, const std::string& text) {
        if (!text.empty()) json.text(name, text);
    };
    json.number("seq", job.message.sequence);
    add("id", job.id);
    json.text("kind", kind_of(job));
    if (job.reason_is_known && !job.is_done) {
        add("class", job.record->failure_class);
        add("where", job.record->where);
    }
    json.text("what", what_of(job));
    if (job.attempts > 0) json.number("attempts", job.attempts);
    add("image", job.image);
    if (job.record) add("worker", job.record->worker);
    json.text("since", write_time(job.since)).text("queued", write_time(job.message.time));
    return json;
}

std::string line(std::string_view name, const std::string& value) {
    constexpr std::size_t kColumn = 10;
    std::string text = std::string(name) + ":";
    text.resize(std::max(kColumn, text.size() + 1), ' ');
    return text + log::printable(value) + "\n";
}

std::string attempt_text(const Record& record) {
    std::string delivery = std::to_string(record.delivery);
    if (record.max_deliver > 0) delivery += "/" + std::to_string(record.max_deliver);
    const std::string head = "  " + write_time(record.time) + "  " + delivery + "  " + record.worker + "  ";
    const std::string reason = record.outcome == Record::Outcome::kDone
                                   ? "done: " + record.output
                                   : record.kind + " (" + record.failure_class + "): " + record.what +
                                         (record.where.empty() ? "" : "; " + record.where);
    return log::printable(head + reason) + "\n";
}

}  // namespace

std::string kind_of(const DeadJob& job) {
    if (job.is_done) return std::string(kDoneWord);
    return job.reason_is_known ? job.record->kind : std::string(kUnknownWord);
}

std::string what_of(const DeadJob& job) {
    if (job.is_done) {
        return "is done, and its message is still there (a killed nats-server 2.9 brings such back): " +
               job.record->output;
    }
    if (job.reason_is_known) return job.record->what;
    if (!job.record) return std::string(kNobodyKnows);
    return std::string(kNobodyKnows) + "; try " + std::to_string(job.record->delivery) + ": " +
           job.record->kind + ": " + job.record->what;
}

std::string nothing_text(std::size_t dead) {
    return dead == 0 ? "0 dead\n" : "none of " + std::to_string(dead) + " dead is meant\n";
}

std::string list_text(const std::vector<DeadJob>& jobs, ServerTime now, std::size_t columns) {
    if (jobs.empty()) return "";
    std::vector<Row> rows{{"seq", "id", "kind", "what", "attempts", "age", "image"}};
    for (const auto& job : jobs) rows.push_back(row(job, now));
    std::array<std::size_t, kColumns> widths{};
    for (const auto& one : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], width(one[i]));
    }
    if (columns > 0) fit(widths, columns);
    // One long reason does not make every line as long.
    constexpr std::size_t kWidestColumn = 60;
    std::string text;
    for (const auto& one : rows) {
        std::string printed;
        for (std::size_t i = 0; i < kColumns; ++i) {
            const auto cell = cut(one[i], widths[i]);
            const auto padded = std::max(std::min(widths[i], kWidestColumn), width(cell));
            printed += cell + std::string(padded - width(cell) + kGap, ' ');
        }
        text += printed.substr(0, printed.find_last_not_of(' ') + 1) + "\n";
    }
    return text + counts_text(jobs) + "\n";
}

std::string list_json(const std::vector<DeadJob>& jobs) {
    std::string text;
    for (const auto& job : jobs) text += log::printable_json(json_of(job).str()) + "\n";
    return text;
}

std::string counts_text(const std::vector<DeadJob>& jobs) {
    std::map<std::string, std::size_t> counts;
    for (const auto& job : jobs) ++counts[kind_of(job)];
    const auto done = counts.extract(std::string(kDoneWord));
    const std::size_t already = done.empty() ? 0 : done.mapped();
    std::string text = std::to_string(jobs.size() - already) + " dead";
    std::string_view between = ": ";
    for (const auto& [kind, count] : counts) {
        text.append(between).append(std::to_string(count)).append(" ").append(kind);
        if (kind == kUnknownWord) text.append(" (").append(kNobodyKnows).append(")");
        between = ", ";
    }
    if (already > 0)
        text += "; and " + std::to_string(already) + (already == 1 ? " that is done" : " that are done");
    return log::printable(text);
}

std::string show_text(const DeadJob& job, const std::vector<Record>& records) {
    std::string text = line("seq", std::to_string(job.message.sequence)) + line("id", job.id) +
                       line("image", job.image) + line("subject", job.message.subject) +
                       line("queued", write_time(job.message.time));
    for (const Header& header : job.message.headers)
        text += line("header", header.name + ": " + header.value);
    text += line("job", job.message.payload) + line("kind", kind_of(job)) + line("what", what_of(job)) +
            line("attempts", job.attempts > 0 ? std::to_string(job.attempts) : "?");
    for (const Record& record : records) text += attempt_text(record);
    return text;
}

std::string show_json(const DeadJob& job, const std::vector<Record>& records) {
    JsonObject json = json_of(job);
    json.text("subject", job.message.subject).text("payload", job.message.payload);
    std::vector<JsonObject> attempts;
    for (const Record& record : records) {
        JsonObject attempt;
        attempt.text("time", write_time(record.time))
            .number("delivery", record.delivery)
            .text("worker", record.worker);
        if (record.outcome == Record::Outcome::kDone) {
            attempt.text("kind", kDoneWord).text("output", record.output);
        } else {
            attempt.text("kind", record.kind)
                .text("class", record.failure_class)
                .text("where", record.where)
                .text("what", record.what);
        }
        attempts.push_back(attempt);
    }
    return log::printable_json(json.objects("records", attempts).str()) + "\n";
}

}  // namespace bw::cli
