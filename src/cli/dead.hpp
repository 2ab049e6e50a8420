// What the files of `bw dead` share: which jobs are meant, how they are shown, and what is done with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/config.hpp"
#include "bw/queue/dead.hpp"
#include "command.hpp"

namespace bw::cli {

// Throws Error (kConfiguration) for a command line that is wrong.
[[noreturn]] void refuse(const std::string& what);

// What the command line says of jobs; filters combine with "and".
struct Selection {
    std::vector<std::uint64_t> sequences{};
    std::optional<std::string> id{};
    std::optional<std::string> kind{};
    std::optional<std::string> failure_class{};
    std::optional<std::string> text{};  // in id, image, where or what, in whatever case
    std::optional<std::chrono::milliseconds> older{};
    bool all = false;

    bool takes(const DeadJob& job, ServerTime now) const;
    bool has_filter() const { return id || kind || failure_class || text || older; }
};

// Throws Error (kConfiguration) for values that are wrong.
Selection read_selection(const Invocation& invocation);

// The dead jobs that a selection takes, and what there is besides.
struct Selected {
    std::vector<DeadJob> jobs;          // the newest error first
    std::size_t dead = 0;               // all there are
    ConsumerInfo consumer;              // to check_consumer()
    std::vector<std::string> not_dead;  // "17 is in work": of the sequences that were named
};
Selected select(Connection& connection, const QueueNames& names, const Selection& selection);

// Throws Error (kConfiguration) if jobs were named that are not dead.
void check_named(const Selected& selected);

// The kinds that are no ErrorKind.
inline constexpr std::string_view kDoneWord = "done";
inline constexpr std::string_view kUnknownWord = "unknown";

std::string kind_of(const DeadJob& job);
std::string what_of(const DeadJob& job);

// Lines for people, each with its end, and JSON objects, one on a line. Nothing in them moves a cursor.
// `columns`: id, what and image are cut so that a line has no more; 0: they are whole.
std::string list_text(const std::vector<DeadJob>& jobs, ServerTime now, std::size_t columns);  // with counts
std::string nothing_text(std::size_t dead);  // in the place of a list without jobs
std::string list_json(const std::vector<DeadJob>& jobs);
std::string counts_text(const std::vector<DeadJob>& jobs);  // "30 dead: 28 image, 2 unknown (…)"
std::string show_text(const DeadJob& job, const std::vector<Record>& records);
std::string show_json(const DeadJob& job, const std::vector<Record>& records);

ServerTime server_now();

// What is done with jobs, one after the other. Each ends with a line for each that did not go the usual way,
// a line with the sums, and an Error if any failed.
void retry_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation);
void drop_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation);
void import_jobs(Connection& connection, const QueueNames& names, const Invocation& invocation);

}  // namespace bw::cli
