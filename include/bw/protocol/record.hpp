// What became of one delivery of a job, as a worker stores it in the results stream: a message on
//   RESULTS.<stream>.<consumer>.done.<seq> or RESULTS.<stream>.<consumer>.failed.<seq>
// where seq is the job's number in its own stream. docs/records.md lists the members of its JSON. Pure; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bw/protocol.hpp"

namespace bw {

// How long the stages of one job took, and how much went through them.
struct JobFigures {
    std::uint64_t input_bytes = 0;
    std::uint64_t output_bytes = 0;
    std::uint64_t input_pixels = 0;  // over all frames, as the next; no record has either
    std::uint64_t output_pixels = 0;
    std::uint64_t frames = 0;  // of the result; the size of its first:
    std::uint64_t columns = 0;
    std::uint64_t rows = 0;
    std::chrono::microseconds read{};
    std::chrono::microseconds decode{};
    std::chrono::microseconds monochrome{};
    std::chrono::microseconds encode{};
    std::chrono::microseconds commit{};
    // The advisory, the record and the acknowledgement: over when the record has long been written.
    std::chrono::microseconds queue{};
};

struct Record {
    enum class Outcome { kDone, kFailed };

    Outcome outcome = Outcome::kFailed;
    std::string id{};  // empty where the job has none that could be read; as are all texts that follow
    std::uint64_t sequence = 0;     // of the job in its stream
    std::uint64_t delivery = 0;     // 1 for the first
    std::int64_t max_deliver = -1;  // -1: no limit
    std::string image{};            // the URI of the job
    ServerTime queued{};            // when the stream took the job: with the number it names the job for ever
    std::optional<ServerTime> stream_created{};  // as far as the worker knew
    std::string trace{};                         // the trace id of the job's traceparent
    std::string worker{};                        // "host:pid"
    std::string version{};                       // of bw
    ServerTime time{};                           // by the worker's clock

    // Of a job that is done.
    std::string output{};
    JobFigures figures{};

    // Of a delivery that failed; the words of the log's error line.
    std::string kind{};
    std::string failure_class{};
    std::string where{};
    std::string what{};

    // Whether the job is not delivered any more.
    bool is_last() const { return max_deliver > 0 && delivery >= static_cast<std::uint64_t>(max_deliver); }
};

// JSON on one line. Texts over kMaxRecordText bytes are cut.
inline constexpr std::size_t kMaxRecordText = 16 * 1024;
std::string record_body(const Record& record);

// Nothing for what is no record.
std::optional<Record> read_record(std::string_view body);

std::string record_subject(const QueueNames& names, Record::Outcome outcome, std::uint64_t sequence);

// A worker that starts stores a message there: the answer proves that the results stream takes records of
// ours.
std::string probe_subject(const QueueNames& names);

// All records of our consumer, and the above.
std::string record_subjects(const QueueNames& names);

// The records of that outcome.
std::string record_subjects(const QueueNames& names, Record::Outcome outcome);

// The Nats-Msg-Id of a record: the same for every `done` of one job, so that the results stream keeps one of
// them, and another for each delivery that failed.
std::string record_message_id(const QueueNames& names, const Record& record);

// The subject on which a server says that a job has had all its deliveries.
std::string dead_subject(const QueueNames& names);

}  // namespace bw
