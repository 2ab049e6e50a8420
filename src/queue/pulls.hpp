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

namespace bw {

class Pulls {
  public:
    // Throws Error (kQueue) if libnats cannot subscribe. The connection must outlive the pulls.
    Pulls(Connection& connection, const QueueNames& names);
    ~Pulls();
    Pulls(const Pulls&) = delete;
    Pulls& operator=(const Pulls&) = delete;

    struct Answer {
        std::optional<Delivery> delivery;
        std::optional<std::string> refusal;  // neither: there was nothing in time
    };

    // A message that came too late for an earlier pull, or that the server has within `expiry`.
    Answer next(std::chrono::milliseconds expiry);

    // A message that has come by now.
    std::optional<Delivery> late();

  private:
    static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self);
    static void on_end(void* self);
    std::optional<Delivery> take();

    Connection& connection_;
    const std::string request_;
    const std::string inbox_;  // of all pulls; each has a subject of its own in it
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Delivery> deliveries_;
    std::uint64_t pull_ = 0;
    std::uint64_t connection_of_pull_ = 0;
    std::optional<Answer> answer_;  // to the last pull, where it was no message
    bool ended_ = false;
    SubscriptionPtr subscription_;
};

}  // namespace bw
