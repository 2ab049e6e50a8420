// Jobs that JetStream delivers no more: which they are, why they failed, and how they are sent again.
//
// Dead is a message of the job stream that our consumer takes, has delivered, and does not have in work.
// JetStream counts such messages and never lists them. So the stream is walked up to the last message that
// was delivered, and a message is dead if one of these proves it:
//   1. nothing at all is in work (num_ack_pending is 0);
//   2. its number is not over the consumer's ack floor. Measured on 2.9.10 and 2.15.2: the floor passes dead
//      jobs and none that is in work; a restart sets it back to 0 on 2.9, which proves less, never more;
//   3. a worker's record says that this was its last delivery;
//   4. a MAX_DELIVERIES advisory of the server names it.
// 3 and 4 count only if they speak of as many deliveries as the consumer allows now, and if the results
// stream took them after the consumer was made, since a consumer that is deleted and made again delivers its
// dead jobs again; 4 only if it came after the message, since a stream that is made anew gives its numbers
// again.
//
// CONSUMER.RESET (nats-server 2.14) has the dead delivered again too, and leaves no time of it. Then more is
// in work than what is unproven or has a record only, and 3 and 4 count for nothing. That finds no reset
// where revived jobs have a record and no advisory, or where as many others died without either, or were
// delivered for the first time while we looked. What is not proven is left alone.
//
// Every function throws Error, as those in streams.hpp; kDifference where the consumer is not there. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bw/protocol/record.hpp"
#include "bw/queue/streams.hpp"

namespace bw {

struct DeadJob {
    StoredMessage message;
    std::string id;              // as the job has it; empty where it cannot be read
    std::string image;           // likewise
    std::uint64_t attempts = 0;  // deliveries; 0: nobody knows
    // It was done, and did not fail later: as a rule, a nats-server 2.9 that was killed has brought it back.
    bool is_done = false;
    std::optional<Record> record{};  // that it was done, or the last known failure
    // The record is that of the last delivery. Otherwise nobody knows how that ended: the worker was killed.
    bool reason_is_known = false;
    ServerTime since{};  // when it failed for the last time, as far as is known; else when the stream took it
};

struct DeadJobs {
    std::vector<DeadJob> jobs;        // by their numbers in the stream
    std::uint64_t unproven = 0;       // delivered, and in work or dead: nobody can tell now
    std::uint64_t unproven_done = 0;  // of these, those with a record that they are done
    std::string no_records{};         // why the results stream could not be read; empty: it was
    ConsumerInfo consumer{};          // as it was asked first
};

// Once `stop` has come it throws Error (kStopped) within a few seconds.
DeadJobs find_dead(Connection& connection, const QueueNames& names, const std::stop_token& stop = {});

// Throws Error (kDifference) if the consumer was made anew or reset since: it delivers its dead jobs again.
void check_consumer(Connection& connection, const QueueNames& names, const ConsumerInfo& then);

// All records of one job, by the time of the delivery; none where there is no results stream.
std::vector<Record> records_of(Connection& connection, const QueueNames& names, const StoredMessage& job);

// What a message of the job stream that is not dead is.
enum class Life { kNotThere, kWaiting, kInWork, kNotTaken };
Life life_of(Connection& connection, const QueueNames& names, std::uint64_t sequence);

struct SentAgain {
    enum class Outcome {
        kStored,
        kStoredBefore,  // by an earlier try, which was cut short; it is in the stream, or known to be done
        kGone,  // somebody has removed the job, or its worker has finished it after all: nothing was sent
    };
    Outcome outcome = Outcome::kGone;
    std::uint64_t sequence = 0;  // of the new message
    // The job fits into the stream's max_msg_size only without a message id, so that a retry that is cut
    // short may leave it in the stream twice.
    bool without_id = false;
};

// Sends jobs again, or removes them. It asks for the stream's max_msg_size when it is made. One thread at a
// time.
class Resender {
  public:
    Resender(Connection& connection, const QueueNames& names);

    // Publishes the job again, with `payload` in the place of its own where there is one, under a message id
    // that is the same for each try of this job and payload; removes the dead message once the stream has the
    // new one. Headers named Nats-... are left out: they told the server what to do with the old one.
    SentAgain retry(const StoredMessage& job, const std::optional<std::string>& payload = std::nullopt);

    // Removes the dead message; false: the stream has this one no more, and another one of its number stays.
    bool drop(const StoredMessage& job);

    // Publishes a job that was exported, under the same message id as retry().
    SentAgain import(const StoredMessage& job);

  private:
    bool has(const StoredMessage& job);
    SentAgain send(const StoredMessage& job, const std::string& payload);
    // Of a message that the stream took under this id.
    bool lives_or_is_done(std::uint64_t sequence, const std::string& id);

    Connection& connection_;
    const QueueNames names_;
    StreamReader reader_;
    ConsumerInfo consumer_;
    const StreamInfo stream_;
};

// One line of JSON, without its end, that read_exported_job() reads; docs/dead.md lists its members.
std::string exported_job(const StoredMessage& job);
std::optional<StoredMessage> read_exported_job(std::string_view line);

}  // namespace bw
