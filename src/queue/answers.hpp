// Requests whose answers come straight to the thread that waits for them. A request of libnats' own goes by
// one thread more, which costs a job some 30 microseconds each time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "connection.hpp"

namespace bw {

// Any thread may ask, and several at the same time.
class Answers {
  public:
    // Sends the request, with that subject for the answer.
    using Send = std::function<natsStatus(const std::string& reply)>;

    // The connection must outlive the answers.
    explicit Answers(Connection& connection) : connection_(connection) {}

    // NATS_OK: `answer` is there. NATS_NO_RESPONDERS: nobody listens to the request. NATS_TIMEOUT: no answer
    // came in time; NATS_CONNECTION_DISCONNECTED: and none will, since the connection was lost. Others: the
    // request was not sent.
    natsStatus ask(const Send& send, std::chrono::milliseconds timeout, MessagePtr& answer);

  private:
    // One request at a time goes by it; the number tells its answer from a late one to an earlier request.
    struct Way {
        std::string prefix{};
        SubscriptionPtr subscription{};
        std::uint64_t number = 0;
    };

    natsStatus take(Way& way);
    natsStatus wait(const Way& way, const std::string& reply, std::chrono::milliseconds timeout,
                    MessagePtr& answer) const;

    Connection& connection_;
    std::mutex mutex_;
    std::vector<Way> idle_;
};

}  // namespace bw
