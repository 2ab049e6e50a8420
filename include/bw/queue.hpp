// NATS JetStream: the connection, the work queue (one pull consumer), and their creation. The only room that
// knows libnats. What the server promises is in https://docs.nats.io/nats-concepts/jetstream.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/base/needs.hpp"
#include "bw/protocol.hpp"
#include "bw/protocol/record.hpp"
#include "bw/protocol/trace.hpp"

namespace bw {

struct ConnectionOptions {
    std::vector<std::string> urls;  // scheme://host:port; tls:// in one means TLS for all
    std::string user;               // this and all that follow: empty is not used
    std::string password;
    std::string token;  // instead of both
    std::string credentials_file;
    std::string nkey_seed_file;
    std::string tls_ca_file;
    std::string tls_certificate_file;
    std::string tls_key_file;
    std::chrono::milliseconds connect_timeout{};
};

// The files that making the connection again reads.
Needs connection_needs(const ConnectionOptions& options);

// A connection that outlives server restarts: libnats makes it again for as long as it takes, and the log
// says lost and back. One per process (it opens and closes libnats), made and destroyed by the main thread;
// any thread may use it.
class Connection;  // src/queue/connection.hpp
struct ConnectionCloser {
    void operator()(Connection* connection) const;
};
using ConnectionHandle = std::unique_ptr<Connection, ConnectionCloser>;

// Tries for options.connect_timeout; null if `stop` came first. Throws Error: kConfiguration for files that
// cannot be used, kQueue where no server lets us in.
ConnectionHandle connect(const ConnectionOptions& options, const std::stop_token& stop);

// At this moment, as far as libnats knows. Any thread.
bool is_connected(Connection& connection);

// Waits until it is. Returns false where `stop` or the end of `patience` comes first. Throws Error (kQueue)
// once the connection is given up, since the server does not let us in any more. Any thread.
bool wait_until_connected(Connection& connection, const std::stop_token& stop,
                          std::chrono::milliseconds patience);

// One delivery of a message. A value; it stays good whatever happens to the connection.
struct Delivery {
    std::string payload;
    std::string reply;             // the subject that acknowledgements go to
    std::uint64_t sequence = 0;    // of the message in the stream
    std::uint64_t deliveries = 0;  // 1 for the first
    std::uint64_t connection = 0;  // the number of the connection that it came on
    // What tells whether an acknowledgement would still mean this message: when the stream took it, when it
    // came to us, and when the stream was made, as far as was known when the message was asked for.
    ServerTime stored{};
    std::chrono::steady_clock::time_point arrived{};
    std::optional<ServerTime> stream_created{};
    std::optional<Trace> trace{};  // of its headers
};

struct Advisory {
    std::string subject;
    std::string body;
};

// What the consumer says of its deliveries.
struct DeliveryRules {
    std::chrono::milliseconds ack_wait{};
    std::int64_t max_deliver = 0;  // -1: no limit
};

// How old rules() may be while it is called at least this often.
inline constexpr std::chrono::seconds kRulesAge{2};

// What became of a job whose output is durable, whose advisory is published and whose record is stored.
enum class Settlement {
    kAcknowledged,  // the message is gone
    // The server does not know the delivery any more, which happens to a server that was killed just after
    // it: the message comes again.
    kForgotten,
    // The stream was deleted and made again while the job was in hand. The message went with the old stream,
    // and its number now belongs to another, which must not be acknowledged.
    kStreamReplaced,
};

// The seam between the worker and JetStream. Any thread may call any method, for any number of deliveries
// at the same time. Calls of fetch() wait for each other.
class WorkQueue {
  public:
    virtual ~WorkQueue() = default;

    // What the consumer says now, or said up to kRulesAge ago: an operator may change it at any time. It does
    // not wait for the server; where what it returns is older than that, it asks, and a later call returns
    // the answer. Whoever keeps a delivery ours calls it at least every kRulesAge, so that the heartbeats
    // follow a shortened ack wait.
    virtual DeliveryRules rules() = 0;

    // Waits for a message for about a second; less where `stop` comes while the connection is lost. Throws
    // Error: kDifference if the stream or consumer is gone or such that jobs cannot be done from it, kQueue
    // if it is not ours to use.
    virtual std::optional<Delivery> fetch(const std::stop_token& stop) = 0;

    // After the last fetch(): a message that came too late for it, so that none is stranded until ack wait.
    virtual std::optional<Delivery> fetch_late() = 0;

    // Throws Error (kJob) if an advisory on `subject` would come back to us: as a message of the job stream,
    // as a record, or as what looks like an answer of the server. A job could otherwise make jobs, fill the
    // stream, or tell of others what is not so.
    // What the stream takes is asked for again every kRulesAge of work. What reaches it by way of other
    // streams or the server's mappings is not seen: permissions bound that.
    virtual void check_advisory(const std::string& subject) = 0;

    // The job is being worked on: restarts its ack wait (a heartbeat).
    virtual void extend(const Delivery& delivery) = 0;

    // Publishes the advisory, if any, and the record, where there is a results stream; then, once that stream
    // has answered, acknowledges; and returns when the server has answered. Waits while the connection is
    // lost; if it broke in between, both are published again, since the server may have died with the
    // advisory, and the results stream keeps one record. Throws Error: kQueue if a server that was there all
    // the time does not answer, or the results stream does not take the record, kStopped when `stop` comes
    // first.
    virtual Settlement settle(const Delivery& delivery, const std::optional<Advisory>& advisory,
                              const Record& record, const std::stop_token& stop) = 0;

    // Says that the job failed: stores the record, where there is a results stream, and then gives the
    // message back (NAK), which is delivered again after `delay` (0: at once), unless it has been delivered
    // max_deliver times. Without a delay ack wait does the same. Best effort, within a few seconds; nothing
    // is sent without a connection.
    virtual void give_back(const Delivery& delivery, const Record& record,
                           std::optional<std::chrono::milliseconds> delay) = 0;
};

// Binds to the consumer, and finds the results stream or says that there is none. Waits for JetStream to
// answer for up to `timeout`; null if `stop` came first. Throws
// Error: kDifference if stream or consumer is not there, or such that jobs cannot be done from it, kQueue if
// JetStream does not answer. The connection must outlive the queue.
std::unique_ptr<WorkQueue> bind_work_queue(Connection& connection, const QueueNames& names,
                                           std::chrono::milliseconds timeout, const std::stop_token& stop);

// The queue at a glance.
struct QueueNumbers {
    std::uint64_t messages = 0;     // in the stream
    std::uint64_t pending = 0;      // wait for their first delivery
    std::uint64_t ack_pending = 0;  // in work, or wait to be delivered again
    // Of those, delivered more than once; too many after dead jobs were removed from the stream, which
    // JetStream goes on counting.
    std::uint64_t redelivered = 0;
    // Over max_deliver: in the stream for somebody to read. In a queue that never stands still for the time
    // of three questions, jobs that come and go between these can make it a few too many or too few.
    std::uint64_t dead = 0;
    std::uint64_t waiting_pulls = 0;            // each of a worker without a job
    std::uint64_t last_sequence = 0;            // of the stream: how many messages it ever took
    std::uint64_t deliveries = 0;               // of the consumer, since it was made
    std::optional<std::string> paused_until{};  // an operator has paused the consumer: it delivers nothing
};

// The result is empty where JetStream does not answer within seconds or says that stream or consumer is not
// there, or where `stop` came between the questions. Any thread may ask.
std::optional<QueueNumbers> queue_numbers(Connection& connection, const QueueNames& names,
                                          const std::stop_token& stop = {});

// The messages that are in the stream although the consumer does not take their subjects, counted by subject:
// no worker ever gets them, and QueueNumbers counts them as dead. Empty also where JetStream does not answer.
std::map<std::string, std::uint64_t> untaken_messages(Connection& connection, const QueueNames& names);

// This is what was found or done about a stream, or about the consumer. The last two are for the results
// stream only: BW_RESULTS is off; the server does not let us ask, or does not answer.
struct SetupResult {
    enum class Outcome { kMissing, kCreated, kAsItShouldBe, kDiffers, kOff, kNotKnown };
    std::string what;  // "stream IMAGES"
    Outcome outcome{};
    std::vector<std::string> differences;  // "max_deliver: is 3, should be 5"
};

// Creates the stream and the consumer of the protocol where they are missing. Compares what exists in the
// fields that the protocol fixes; replicas, placement, metadata and the like are the operator's. Changes
// nothing that exists, and creates no consumer beside a stream that differs. With `max_msg_size` (bytes) the
// stream is to have that and no other. Throws Error (kQueue).
std::vector<SetupResult> set_up(Connection& connection, const QueueNames& names,
                                std::optional<std::int64_t> max_msg_size = std::nullopt);

// The same for the results stream, which is made with as many replicas as the job stream has and whatever
// else that is like. Throws Error (kQueue).
SetupResult set_up_results(Connection& connection, const QueueNames& names);

struct QueueComparison {
    SetupResult stream;
    SetupResult consumer;
    SetupResult results;
};

// The same comparison of all three, which creates nothing. Throws Error (kQueue) without an answer about
// the first two.
QueueComparison compare(Connection& connection, const QueueNames& names);

}  // namespace bw
