// Many requests to one call of JetStream's API at the same time: one after the other, each would wait for a
// round trip of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "inbox.hpp"

namespace bw {

class Requests {
  public:
    // `call`: "STREAM.MSG.GET.IMAGES". Throws Error (kQueue) if libnats cannot subscribe. The connection must
    // outlive the requests.
    Requests(Connection& connection, const std::string& call, std::stop_token stop = {});

    // The body of the lane's next request; nothing: the lane has no more.
    using Next = std::function<std::optional<std::string>(std::size_t lane)>;
    // False: these bytes are no answer, and the request is to be sent again.
    using Answered = std::function<bool(std::size_t lane, std::string_view answer)>;

    // Each lane has one request in flight, until none has a next one. Calls both functions in this thread.
    // Throws Error: kQueue where no answer has come for kPatience, or the server does not permit the call;
    // kStopped once `stop` has come.
    void run(std::size_t lanes, const Next& next, const Answered& answered);

  private:
    struct Lane {
        std::string name;  // of the request in flight; empty: there is none
        std::string body;
        std::chrono::steady_clock::time_point sent;
    };
    struct Answer {
        std::string name;
        std::string text;
    };

    void send(Lane& lane);
    void advance(std::size_t number, const Next& next);
    std::deque<Answer> wait_for_answers();
    void ask_again();

    Connection& connection_;
    const std::string subject_;
    const std::stop_token stop_;
    std::uint64_t last_name_ = 0;
    std::vector<Lane> lanes_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Answer> answers_;
    Inbox inbox_;  // last: it uses the three above
};

}  // namespace bw
