// JetStream's pull requests, made here: libnats's own (natsSubscription_Fetch) takes a job whose headers
// begin with a status, such as "NATS/1.0 408", for an answer of the server and drops it without a word, so
// that whoever may send jobs could send some that no log ever speaks of, and that hold up the others.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "connection.hpp"
#include "inbox.hpp"

namespace bw {

class Pulls {
  public:
    // Throws Error (kQueue) if libnats cannot subscribe. The connection must outlive the pulls.
    Pulls(Connection& connection, const QueueNames& names);

    // What a pull brought: a delivery, or why there is none, or neither where there was nothing in time.
    struct Result {
        std::optional<Delivery> delivery;
        std::optional<std::string> refusal;  // "409 Exceeded MaxWaiting"
    };

    // A message that came too late for an earlier pull, or that the server has within kPullExpiry. One thread
    // at a time. `stream_created`: as the server last said.
    Result next(std::optional<ServerTime> stream_created);

    // A message that has come by now. Any thread.
    std::optional<Delivery> late();

  private:
    void receive(std::string_view pull, natsMsg* message);
    std::optional<Delivery> take();

    Connection& connection_;
    const std::string request_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Delivery> deliveries_;
    std::uint64_t pull_ = 0;  // the number of the last one, whose answers have a subject of their own
    std::uint64_t connection_of_pull_ = 0;
    std::optional<ServerTime> stream_created_;
    std::optional<Result> result_;  // of the last pull, where it was no message
    Inbox inbox_;                   // last: it uses all of the above
};

}  // namespace bw
