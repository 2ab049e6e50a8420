#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>

#include "bw/base/error.hpp"
#include "dead.hpp"
#include "dead_journal.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace bw::cli {
namespace {

using Key = std::pair<std::uint64_t, ServerTime>;
Key key_of(const DeadJob& job) { return {job.message.sequence, job.message.time}; }

// Nothing happens by accident: more than one job is named or asked for.
Selection read_meant(const Invocation& invocation) {
    Selection selection = read_selection(invocation);
    const std::string& action = invocation.operands.front();
    const bool names_jobs = !selection.sequences.empty();
    if (!names_jobs && !selection.has_filter() && !selection.all) {
        refuse("bw dead " + action + " wants SEQs, a filter, or --all");
    }
    if (names_jobs && selection.all) refuse("--all and SEQs cannot both be meant");
    return selection;
}

// Whether they may be touched. Shows what they are on a terminal.
bool may_go_on(const Invocation& invocation, const std::vector<DeadJob>& jobs) {
    if (jobs.size() < 2 || invocation.flags.contains("--yes")) return true;
    const std::string meant = invocation.operands.front() + " these " + std::to_string(jobs.size()) + " jobs";
    if (!can_ask()) refuse("to " + meant + " wants --yes where nobody can be asked");
    return says_yes(counts_text(jobs) + "\n" + meant + "?");
}

void say_if_none(const Invocation& invocation, const Selected& selected) {
    if (selected.jobs.empty() && !invocation.flags.contains("--json")) print(nothing_text(selected.dead));
}

// What is to be touched; nothing after a dry run or a "no".
struct Meant {
    Selected selected;
    bool go_on = false;
};

Meant find_meant(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const Selection selection = read_meant(invocation);
    Meant meant{.selected = select(connection, names, selection)};
    auto& jobs = meant.selected.jobs;
    if (invocation.flags.contains("--dry-run")) {
        const bool json = invocation.flags.contains("--json");
        say_if_none(invocation, meant.selected);
        print(json ? list_json(jobs)
                   : list_text(jobs, server_now(), columns_of_terminal()) + "dry run: nothing was done\n");
        return meant;
    }
    const bool asked = jobs.size() > 1 && !invocation.flags.contains("--yes");
    meant.go_on = may_go_on(invocation, jobs);
    if (!meant.go_on) print("nothing was done\n");
    if (!meant.go_on || !asked) return meant;
    // The answer may have taken long: what was not shown, or is not dead any more, is left alone.
    std::set<Key> shown;
    for (const auto& job : jobs) shown.insert(key_of(job));
    meant.selected = select(connection, names, selection);
    std::erase_if(jobs, [&shown](const auto& job) { return !shown.contains(key_of(job)); });
    return meant;
}

struct FileCloser {
    void operator()(std::FILE* file) const {
        if (file != stdin) std::fclose(file);
    }
};

std::string read_whole(const std::string& path) {
    const std::unique_ptr<std::FILE, FileCloser> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
    std::string text;
    std::array<char, 65'536> part{};
    while (file && std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
        text.append(part.data(), std::fread(part.data(), 1, part.size(), file.get()));
    }
    if (file && std::ferror(file.get()) == 0) return text;
    throw Error(ErrorKind::kConfiguration, path, "the file cannot be read: " + system_reason(errno));
}

// The job in the place of the dead one, checked before anything is sent. An editor ends the file with a new
// line.
std::optional<std::string> read_replacement(const Invocation& invocation, std::size_t jobs) {
    const auto from = invocation.flags.find("--from");
    if (from == invocation.flags.end()) return std::nullopt;
    if (jobs != 1) refuse("--from is for one job, and " + std::to_string(jobs) + " are meant");
    std::string text = read_whole(from->second);
    text.erase(text.find_last_not_of("\r\n") + 1);
    Job job;
    parse_job(text, job);
    return text;
}

std::string id_of(const StoredMessage& message) {
    Job job;
    try {
        parse_job(message.payload, job);
    } catch (const Error&) {  // it goes as it is; its id may have been read
    }
    return job.id;
}

Step step_of(const SentAgain& sent, const std::string& done = "sent again") {
    const std::string as = " as " + std::to_string(sent.sequence);
    Step step{.outcome = Step::Outcome::kDone, .what = done + as, .new_sequence = sent.sequence};
    switch (sent.outcome) {
        case SentAgain::Outcome::kGone:
            return {.outcome = Step::Outcome::kSkipped, .what = "skipped: it is gone", .is_odd = true};
        case SentAgain::Outcome::kStoredBefore:
            step.what = "was sent before" + as;
            break;
        case SentAgain::Outcome::kStored:
            break;
    }
    if (sent.without_id) {
        step.what +=
            ", without a message id, for which the stream's max_msg_size has no room: had this been cut "
            "short, it could "
            "be there twice";
        step.is_odd = true;
    }
    return step;
}

// A step for each job. The consumer is looked at once a second, since this may take long: one that is made
// anew has its dead jobs in work.
void work_on(Connection& connection, const QueueNames& names, const Selected& selected, Journal& journal,
             const std::function<Step(const DeadJob&)>& step) {
    constexpr std::chrono::seconds kLook{1};
    auto last_look = std::chrono::steady_clock::now();
    for (const auto& job : selected.jobs) {
        const bool goes_on = journal.run(job.message.sequence, job.id, [&] {
            if (const auto now = std::chrono::steady_clock::now(); now - last_look >= kLook) {
                check_consumer(connection, names, selected.consumer);
                last_look = now;
            }
            return step(job);
        });
        if (!goes_on) break;
    }
    journal.finish();
}

}  // namespace

void retry_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const auto [selected, go_on] = find_meant(connection, names, invocation);
    if (go_on) {
        const auto replacement = read_replacement(invocation, selected.jobs.size());
        Resender resender(connection, names);
        Journal journal(invocation, "retried", selected.jobs.size());
        say_if_none(invocation, selected);
        work_on(connection, names, selected, journal, [&](const DeadJob& job) -> Step {
            if (!job.is_done) return step_of(resender.retry(job.message, replacement));
            return {.outcome = Step::Outcome::kSkipped,
                    .what = "skipped: it " + what_of(job) + " (bw dead drop removes it)",
                    .is_odd = true};
        });
    }
    check_named(selected);
}

void drop_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const auto [selected, go_on] = find_meant(connection, names, invocation);
    if (go_on) {
        Resender resender(connection, names);
        Journal journal(invocation, "dropped", selected.jobs.size());
        say_if_none(invocation, selected);
        work_on(connection, names, selected, journal, [&](const DeadJob& job) -> Step {
            if (resender.drop(job.message)) return {.what = "dropped"};
            return step_of({.outcome = SentAgain::Outcome::kGone});
        });
    }
    check_named(selected);
}

void import_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    if (invocation.operands.size() != 2) refuse("bw dead import wants one FILE, or - for standard input");
    const std::string& path = invocation.operands.back();
    const std::string text = read_whole(path);
    std::vector<StoredMessage> jobs;
    std::size_t number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        ++number;
        if (line.find_first_not_of(" \t\r") == line.npos) continue;
        auto job = read_exported_job(line);
        if (!job) {
            throw Error(ErrorKind::kConfiguration, path + ":" + std::to_string(number),
                        "the line is none that bw dead export prints; nothing was sent");
        }
        jobs.push_back(*std::move(job));
    }
    Resender resender(connection, names);
    Journal journal(invocation, "imported", jobs.size());
    for (const auto& job : jobs) {
        const bool goes_on = journal.run(job.sequence, id_of(job), [&] {
            const SentAgain sent = resender.import(job);
            Step step = step_of(sent, "imported");
            if (sent.outcome == SentAgain::Outcome::kStoredBefore) step.outcome = Step::Outcome::kSkipped;
            return step;
        });
        if (!goes_on) break;
    }
    journal.finish();
}

}  // namespace bw::cli
