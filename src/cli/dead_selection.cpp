#include <algorithm>
#include <charconv>
#include <set>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/base/text.hpp"
#include "dead.hpp"

namespace bw::cli {
namespace {

std::uint64_t read_sequence(const std::string& word) {
    std::uint64_t sequence = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), sequence);
    if (error == std::errc() && end == word.data() + word.size() && sequence > 0) return sequence;
    refuse(word + " is no SEQ: the number of a message in the stream, from 1 on, is right");
}

std::vector<std::string_view> kinds() {
    std::vector<std::string_view> words{kDoneWord, kUnknownWord};
    for (int kind = exit_code(ErrorKind::kInternal); kind <= exit_code(ErrorKind::kDead); ++kind) {
        words.push_back(name(static_cast<ErrorKind>(kind)));
    }
    return words;
}

void check_word(const std::string& flag, const std::optional<std::string>& word,
                const std::vector<std::string_view>& right) {
    if (!word || std::ranges::find(right, *word) != right.end()) return;
    std::string list;
    for (const auto one : right) list.append(list.empty() ? "" : ", ").append(one);
    refuse(flag + " " + *word + " is none of " + list + did_you_mean(*word, right));
}

std::string in_words(Life life) {
    switch (life) {
        case Life::kNotThere:
            return "is not in the stream";
        case Life::kWaiting:
            return "waits for a worker";
        case Life::kInWork:
            return "is in work, or waits to be delivered again";
        case Life::kNotTaken:
            return "is on a subject that the consumer does not take";
    }
    return "";
}

}  // namespace

void refuse(const std::string& what) {
    throw Error(ErrorKind::kConfiguration, "command line", what + "; see bw dead --help");
}

Selection read_selection(const Invocation& invocation) {
    const auto value = [&](std::string_view flag) -> std::optional<std::string> {
        const auto found = invocation.flags.find(flag);
        return found == invocation.flags.end() ? std::nullopt : std::optional(found->second);
    };
    Selection selection{.sequences = {},
                        .id = value("--id"),
                        .kind = value("--kind"),
                        .failure_class = value("--class"),
                        .text = value("--match"),
                        .older = {},
                        .all = value("--all").has_value()};
    if (selection.kind) selection.kind = to_lower(*selection.kind);
    check_word("--kind", selection.kind, kinds());
    check_word("--class", selection.failure_class, {"transient", "permanent"});
    if (const auto older = value("--older")) selection.older = read_duration_flag("--older", *older);
    if (invocation.operands.size() < 2) return selection;
    for (auto word = invocation.operands.begin() + 1; word != invocation.operands.end(); ++word) {
        selection.sequences.push_back(read_sequence(*word));
    }
    return selection;
}

bool Selection::takes(const DeadJob& job, ServerTime now) const {
    const auto holds = [this](const std::string& part) {
        return to_lower(part).find(to_lower(*text)) != std::string::npos;
    };
    const auto where = job.record ? job.record->where : "";
    const bool is_failure = job.reason_is_known && !job.is_done;
    return (sequences.empty() || std::ranges::count(sequences, job.message.sequence) > 0) &&
           (!id || *id == job.id) && (!kind || *kind == kind_of(job)) &&
           (!failure_class || (is_failure && *failure_class == job.record->failure_class)) &&
           (!text || holds(job.id) || holds(job.image) || holds(where) || holds(what_of(job))) &&
           (!older || now - job.since >= *older);
}

Selected select(Connection& connection, const QueueNames& names, const Selection& selection) {
    DeadJobs found = find_dead(connection, names);
    if (!found.no_records.empty()) {
        log::warn("nobody knows why jobs died: there are no records", {{"reason", found.no_records}});
    }
    if (found.unproven > 0) log::info("jobs are in work, or dead without proof", {{"jobs", found.unproven}});
    Selected selected{.jobs = {}, .dead = found.jobs.size(), .consumer = found.consumer, .not_dead = {}};
    std::set<std::uint64_t> dead;
    const auto now = server_now();
    for (auto& job : found.jobs) {
        dead.insert(job.message.sequence);
        if (selection.takes(job, now)) selected.jobs.push_back(std::move(job));
    }
    std::ranges::stable_sort(selected.jobs, std::ranges::greater(), &DeadJob::since);
    for (const auto sequence : selection.sequences) {
        if (dead.contains(sequence)) continue;
        selected.not_dead.push_back(std::to_string(sequence) + " " +
                                    in_words(life_of(connection, names, sequence)));
    }
    return selected;
}

void check_named(const Selected& selected) {
    if (selected.not_dead.empty()) return;
    constexpr std::size_t kMostShown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(kMostShown, selected.not_dead.size()); ++i) {
        text.append(text.empty() ? "not dead: " : "; ").append(selected.not_dead[i]);
    }
    if (selected.not_dead.size() > kMostShown) {
        text += "; and " + std::to_string(selected.not_dead.size() - kMostShown) + " more";
    }
    throw Error(ErrorKind::kConfiguration, "SEQ", text);
}

ServerTime server_now() {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

}  // namespace bw::cli
