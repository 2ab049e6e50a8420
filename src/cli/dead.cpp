#include "dead.hpp"

#include <algorithm>
#include <array>

#include "bw/base/error.hpp"
#include "output.hpp"
#include "wiring.hpp"

namespace bw::cli {
namespace {

void list_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const auto selected = select(connection, names, read_selection(invocation));
    if (invocation.flags.contains("--json")) {
        print(list_json(selected.jobs));
    } else if (selected.jobs.empty()) {
        print(nothing_text(selected.dead));
    } else {
        print(list_text(selected.jobs, server_now(), columns_of_terminal()));
    }
    check_named(selected);
}

void show_job(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const Selection selection = read_selection(invocation);
    if (selection.sequences.empty()) refuse("bw dead show wants SEQs");
    const auto selected = select(connection, names, selection);
    const bool json = invocation.flags.contains("--json");
    for (const auto& job : selected.jobs) {
        // Without a results stream, select() has said so.
        const auto records = job.record ? records_of(connection, names, job.message) : std::vector<Record>{};
        print(json ? show_json(job, records) : show_text(job, records));
    }
    check_named(selected);
}

void export_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation) {
    const auto selected = select(connection, names, read_selection(invocation));
    for (const auto& job : selected.jobs) print(log::printable_json(exported_job(job.message)) + "\n");
    check_named(selected);
}

struct Action {
    std::string_view name;
    std::span<const std::string_view> flags;
    void (*execute)(Connection& connection, const QueueNames& names, const Invocation& invocation);
};

constexpr std::array<std::string_view, 6> kListFlags{"--id",    "--kind",  "--class",
                                                     "--match", "--older", "--json"};
constexpr std::array<std::string_view, 1> kShowFlags{"--json"};
constexpr std::array<std::string_view, 11> kRetryFlags{"--id",    "--kind", "--class", "--match",
                                                       "--older", "--all",  "--yes",   "--dry-run",
                                                       "--json",  "--from", "--rate"};
constexpr std::array<std::string_view, 10> kDropFlags{"--id",  "--kind", "--class",   "--match", "--older",
                                                      "--all", "--yes",  "--dry-run", "--json",  "--rate"};
// Lines of JSON are all that export prints, --json or not.
constexpr auto& kExportFlags = kListFlags;
constexpr std::array<std::string_view, 2> kImportFlags{"--json", "--rate"};

constexpr std::array kActions{
    Action{"list", kListFlags, list_jobs},       Action{"show", kShowFlags, show_job},
    Action{"retry", kRetryFlags, retry_jobs},    Action{"drop", kDropFlags, drop_jobs},
    Action{"export", kExportFlags, export_jobs}, Action{"import", kImportFlags, import_jobs}};

std::vector<std::string_view> action_names() {
    std::vector<std::string_view> names;
    for (const Action& action : kActions) names.push_back(action.name);
    return names;
}

void manage_dead(const Invocation& invocation, const Config& config) {
    Invocation asked = invocation;
    if (asked.operands.empty()) asked.operands.emplace_back(kActions.front().name);
    const Action& action = *std::ranges::find(kActions, asked.operands.front(), &Action::name);
    for (const auto& [flag, value] : asked.flags) {
        if (std::ranges::find(action.flags, flag) != action.flags.end()) continue;
        refuse(flag + " has no meaning for bw dead " + std::string(action.name));
    }
    const auto connection = connect(connection_options(config), {});
    action.execute(*connection, queue_names(config), asked);
}

constexpr std::array kFlags{
    CommandFlag{"--id", "ID", "Only the jobs of this id"},
    CommandFlag{"--kind", "KIND", "Only those that failed so, as exit codes are named; or unknown, or done"},
    CommandFlag{"--class", "CLASS", "Only those that failed so: transient or permanent"},
    CommandFlag{"--match", "TEXT", "Only those with the text in id, image or reason, in whatever case"},
    CommandFlag{"--older", "TIME",
                "Only those that failed for the last time so long ago: 90s, 30m, 2h, 1d, 2w"},
    CommandFlag{"--all", "", "retry, drop: all dead jobs"},
    CommandFlag{"--yes", "", "retry, drop: do not ask, where more than one job is meant"},
    CommandFlag{"--dry-run", "", "retry, drop: only list the jobs that are meant"},
    CommandFlag{"--from", "FILE", "retry: send the job in this file in the place of the one that is meant"},
    CommandFlag{"--rate", "N", "retry, drop, import: at most so many jobs a second"},
    CommandFlag{"--json", "", "One JSON object a line"}};

}  // namespace

extern const Command kDead;
const Command kDead{.name = "dead",
                    .help = "List dead jobs and why they failed; retry, drop, export or import them",
                    .description =
                        "A job is dead when it has failed as often as the consumer delivers it; it stays in "
                        "the stream. list (or "
                        "nothing) prints the dead, the newest error first, and counts by kind. show SEQ "
                        "prints a job and every try. "
                        "retry sends jobs again and removes the dead ones once the stream has the new ones; "
                        "it can be killed and run "
                        "again at any time. drop removes them. export prints them as JSON lines, which "
                        "import FILE (or -) sends. SEQ is "
                        "a job's number in the stream; flags that choose jobs combine with \"and\". Reasons "
                        "come from the results "
                        "stream. Exits with 0 where all went well, with 2 where a SEQ is not dead, with 4 "
                        "where the stream does not take "
                        "a job or FILE holds none, and with 3 where JetStream refused or did not answer; "
                        "then what is left was not tried.",
                    .settings = SettingsFor::kQueue,
                    .flags = kFlags,
                    .operands = {.usage = "[list|show|retry|drop|export|import] [SEQ…|FILE]",
                                 .most = 100'000,
                                 .choices = action_names,
                                 .choice_of_numbers = "show"},
                    .execute = manage_dead};

}  // namespace bw::cli
