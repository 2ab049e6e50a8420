// All that stands in messages: jobs, advisories, JetStream's requests and answers, and the stream and
// consumer as they should be. The only room that reads and writes JSON. Pure functions; any thread. What is
// read may be any bytes: a reader gives a typed result or says that it is none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bw {

// A job as it stands in the stream, and the advisory that answers it.
//   {"id": "5e91425f", "image": "file:///data/5e91425f.jpg", "advisory": "advisory.5e91425f"}

// An id becomes a file name, which Linux limits to 255 bytes; the rest is for the extension.
inline constexpr std::size_t kMaxIdBytes = 200;

// The max_msg_size of the job stream as the protocol has it, headers included. An operator may raise it.
inline constexpr std::int64_t kLeastMessageSize = 512;

// For streams whose max_msg_size an operator has raised; otherwise nothing in a job can be longer than
// kLeastMessageSize. A subject of some 4 KiB would make the server cut the connection, again and
// again.
inline constexpr std::size_t kMaxJobBytes = 64 * 1024;
inline constexpr std::size_t kMaxAdvisoryBytes = 512;
inline constexpr int kMaxJobDepth = 16;  // objects and arrays within each other

// A member of a job that nobody reads, and the one of ours that it was probably meant to be.
struct MisspeltMember {
    std::string member;
    std::string_view meant;
};

struct Job {
    std::string id;
    std::string image;  // a URI; storage says which are good
    std::optional<std::string> advisory;
    std::vector<MisspeltMember> misspelt;  // at most one for each of ours
};

// Fills `job` from a message. Unknown members are ignored; one of ours that stands twice is refused. Throws
// Error (kJob) for anything that is not a valid job; `job.id` then holds what stood as the id, if it could be
// read, and nothing else in `job` counts.
void parse_job(std::string_view payload, Job& job);

// {"id":"5e91425f"}
std::string advisory_body(const Job& job);

// Whether a message on `subject` goes to those who listen on `pattern`: token by token, where * is any one
// token and a last > is one or more. https://docs.nats.io/nats-concepts/subjects
bool matches(std::string_view pattern, std::string_view subject);

// Whether some subject matches both patterns.
bool overlap(std::string_view one, std::string_view other);

struct QueueNames {
    std::string stream;
    std::string consumer;
    std::string results{};  // the stream of records; empty: it is not looked for
};

// The streams and the consumer of the protocol, as requests that create them. Bodies of
// $JS.API.STREAM.CREATE.<stream> and $JS.API.CONSUMER.DURABLE.CREATE.<stream>.<consumer>.
std::string stream_creation(const QueueNames& names, std::int64_t max_msg_size = kLeastMessageSize);
std::string results_creation(const QueueNames& names, std::int64_t replicas = 1);
std::string consumer_creation(const QueueNames& names);

// What the results stream takes: records, and the server's word that a job is dead.
std::vector<std::string> results_subjects(const QueueNames& names);

// The subject of jobs: all that the consumer takes.
std::string job_subject(const QueueNames& names);

// How long one of our pull requests waits at the server. Short, since a worker ends only after its last pull
// has expired: whatever way there is to cancel a pull, the server may just have answered it, and that message
// would be stranded until ack wait. A consumer's max_expires must allow it.
inline constexpr std::chrono::milliseconds kPullExpiry{1000};

// Body of $JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>: one message.
std::string pull_request();

// What is published to a delivery's reply subject where the job failed. 0: redelivered at once.
std::string negative_acknowledgement(std::chrono::milliseconds delay);

// Body of $JS.API.STREAM.INFO.<stream> that asks for the number of messages of each subject too.
std::string subject_counts_request();

// A time as the server has it.
using ServerTime = std::chrono::sys_time<std::chrono::nanoseconds>;

// "2026-11-28T13:01:58.123456789Z", or with an offset such as +01:00; nothing for what is none.
std::optional<ServerTime> read_time(std::string_view text);

// "2026-11-28T13:01:58.123456789Z", always with nine digits.
std::string write_time(ServerTime time);

// What the subject tells to which a delivery is acknowledged.
struct AcknowledgementSubject {
    std::uint64_t deliveries = 0;  // 1 for the first
    std::uint64_t sequence = 0;    // of the message in the stream
    ServerTime stored;             // when the stream took the message
};

// Nothing for a subject that is none of those that a server makes.
std::optional<AcknowledgementSubject> read_acknowledgement_subject(std::string_view subject);

// JetStream's answers. ApiError: the server refuses. NoAnswer: the bytes are no answer to this request.
struct NoAnswer {};
struct ApiError {
    int code = 0;  // https://github.com/nats-io/nats-server: server/errors.json
    std::string text;
};
template <typename Info>
using ApiAnswer = std::variant<NoAnswer, ApiError, Info>;

inline constexpr int kStreamNotFound = 10059;
inline constexpr int kConsumerNotFound = 10014;
inline constexpr int kStreamSubjectsOverlap = 10065;
inline constexpr int kConsumerFiltersOverlap = 10100;
inline constexpr int kConsumerTakesAll = 10099;  // an existing one without a filter

// Also the answer to a stream's creation.
struct StreamInfo {
    std::optional<ServerTime> created;
    std::vector<std::string> subjects;  // a mirror has none
    std::string retention;
    std::int64_t max_msg_size = -1;  // bytes, headers included; not over 0: no limit
    std::int64_t replicas = 1;
    std::uint64_t messages = 0;
    std::uint64_t last_sequence = 0;                           // how many messages it ever took
    std::map<std::string, std::uint64_t> messages_by_subject;  // for subject_counts_request()
    // Why no worker could rely on it for records, where that is so: "it is sealed".
    std::optional<std::string> useless_because;
    // From the protocol's stream of that name, one line each: "max_msg_size: is 256, should be 512". Fields
    // that the protocol does not fix (replicas, placement, metadata and the like; a larger max_msg_size; all
    // limits of the results stream) are the operator's.
    std::vector<std::string> differences;
};

// Compares with the job stream. With `max_msg_size` a stream that has any other than that differs.
ApiAnswer<StreamInfo> read_stream_info(std::string_view answer, const QueueNames& names,
                                       std::optional<std::int64_t> max_msg_size = std::nullopt);

// Compares with the results stream, names.results.
ApiAnswer<StreamInfo> read_results_info(std::string_view answer, const QueueNames& names);

// Also the answer to a consumer's creation.
struct ConsumerInfo {
    std::string name;
    std::optional<ServerTime> created;
    std::vector<std::string> filters;  // none: it takes every subject of the stream
    // The shortest that any delivery has: a consumer with a backoff has a wait for each delivery.
    std::chrono::milliseconds ack_wait{};
    std::int64_t max_deliver = -1;  // -1: no limit
    bool has_backoff = false;
    std::optional<std::string> paused_until;  // where no messages are delivered now

    std::uint64_t pending = 0;        // not delivered yet
    std::uint64_t ack_pending = 0;    // in work, or wait to be delivered again
    std::uint64_t redelivered = 0;    // of those and of the dead, what was delivered more than once
    std::uint64_t waiting_pulls = 0;  // each of a worker without a job
    std::uint64_t deliveries = 0;     // since it was made
    // Numbers of messages in the stream: all after this one wait for their first delivery.
    std::uint64_t last_delivered = 0;
    std::uint64_t ack_floor = 0;  // none up to this one is in work, or waits to be delivered again
    // The server is one of 2.11 or later. Earlier ones have no CONSUMER.RESET, and one that was killed may
    // count messages that are gone in ack_pending for ever.
    bool is_of_new_server = false;

    bool takes(std::string_view subject) const;

    // Why no worker can do jobs from it, where that is so: "it is a push consumer, a pull consumer is right".
    std::optional<std::string> useless_because;
    std::vector<std::string> differences;  // as for a stream
};
ApiAnswer<ConsumerInfo> read_consumer_info(std::string_view answer, const QueueNames& names);

// Answers to $JS.API.STREAM.NAMES and $JS.API.CONSUMER.LIST.<stream>; empty for what is none.
std::vector<std::string> read_stream_names(std::string_view answer);
std::vector<ConsumerInfo> read_consumer_list(std::string_view answer, const QueueNames& names);

// Body of $JS.API.STREAM.NAMES: those that take any subject of the pattern.
std::string stream_names_request(std::string_view pattern);

// Writes one JSON object, its members in their order, on one line. Bytes that are no UTF-8 become U+FFFD.
class JsonObject {
  public:
    JsonObject& text(std::string_view name, std::string_view value);
    JsonObject& number(std::string_view name, std::uint64_t value);
    JsonObject& number(std::string_view name, double value);
    JsonObject& flag(std::string_view name, bool value);
    JsonObject& texts(std::string_view name, const std::vector<std::string>& values);
    JsonObject& object(std::string_view name, const JsonObject& value);
    JsonObject& objects(std::string_view name, const std::vector<JsonObject>& values);
    std::string str() const { return "{" + members_ + "}"; }

  private:
    JsonObject& add(std::string_view name, std::string_view value);  // of JSON
    std::string members_;
};

}  // namespace bw
