// The queue at a glance, as `bw status` says it: for people, as JSON, and as an exit code. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/protocol.hpp"
#include "bw/queue.hpp"
#include "bw/queue/brought_back.hpp"

namespace bw {

struct Status {
    QueueNames names;
    SetupResult stream;
    SetupResult consumer;
    std::optional<QueueNumbers> numbers{};           // nothing where stream or consumer is missing
    double came_per_second = 0;                      // messages that the stream took
    double done_per_second = 0;                      // messages that left it
    std::map<std::string, std::uint64_t> untaken{};  // of the dead, those on subjects that nobody takes
    SetupResult results{};                           // without it all works, and no records are kept
    std::uint64_t brought_back = 0;                  // messages of jobs that are done; not among the dead
};

// What two looks at the queue, `seconds` apart, say together.
void note_numbers(Status& status, const QueueNumbers& first, const QueueNumbers& second, double seconds);

// Takes the messages that a killed server has brought back from the dead.
void note_brought_back(Status& status, BroughtBack& counter);

// One look, which tells no rates; a job on its way may be among its dead. Throws Error (kQueue) where
// JetStream does not answer, and where `stop` comes meanwhile.
Status look_at_queue(Connection& connection, const QueueNames& names, const std::stop_token& stop);

// Takes a second, for the rates. Throws Error (kQueue) where JetStream does not answer.
Status measure_status(Connection& connection, const QueueNames& names);

// "stream IMAGES: differs"
std::string heading(const SetupResult& part);

// Lines, each with its end. A part has one, and one for each difference.
std::string to_text(const SetupResult& part);
std::string to_text(const Status& status);

// A number for each text.
JsonObject json_of(const std::map<std::string, std::uint64_t>& counts);

// One object; docs/logs.md lists its members.
JsonObject json_of(const Status& status);

// The worst that is not as it should be: stream or consumer missing, then different (both kDifference),
// then dead jobs (kDead).
std::optional<Error> verdict(const Status& status);

}  // namespace bw
