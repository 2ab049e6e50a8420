// A subject of our own, with all subjects under it, for the answers to requests that nobody waits for.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "connection.hpp"

namespace bw {

// A subject under which only answers to us come, with the point at its end. Nobody else has it, and nobody
// can guess it: what comes to it is taken for the server's word.
std::string new_inbox();

class Inbox {
  public:
    // Called by a thread of libnats, one message at a time. `subject`: what stands after the inbox's own,
    // empty for a job.
    using Handler = std::function<void(std::string_view subject, natsMsg* message)>;

    // Throws Error (kQueue) if libnats cannot subscribe. The connection must outlive the inbox.
    Inbox(Connection& connection, Handler handler);
    ~Inbox();  // afterwards the handler is not called any more
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    // The subject to have an answer sent to.
    std::string subject(std::string_view name) const { return prefix_ + std::string(name); }

  private:
    static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self);
    static void on_end(void* self);

    const std::string prefix_;
    const Handler handler_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    SubscriptionPtr subscription_;
};

}  // namespace bw
