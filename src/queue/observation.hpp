// What JetStream last said of the stream and the consumer. An operator may change either while workers run,
// so it is asked again: before it decides something, and every few seconds of work.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connection.hpp"
#include "inbox.hpp"

namespace bw {

// Any thread.
class Observation {
  public:
    // Throws Error (kQueue) if libnats cannot subscribe. The connection must outlive the observation.
    Observation(Connection& connection, QueueNames names);

    // Asks for both and waits. False if JetStream did not answer. Throws Error (kDifference) where one of
    // them is missing, or such that jobs cannot be done from it.
    bool ask();

    // Whether the answers were asked for at most so long ago, on this connection.
    bool is_fresh(std::chrono::nanoseconds age);

    DeliveryRules rules();  // asks in the background where the answers are older than kRulesAge
    std::vector<std::string> subjects();
    std::optional<ServerTime> stream_created();

    // Whether a delivery's message is in the stream that is there now. An acknowledgement names stream,
    // consumer and sequence number only, so that after the stream was deleted and made again it would mean
    // another message.
    enum class Stream { kSame, kReplaced, kUnknown };
    // Asks and waits, unless the delivery has just come or the stream was just asked for.
    Stream stream_of(const Delivery& delivery);

    // Does not wait: publishes the heartbeat once JetStream has answered that the stream is the same.
    void extend(const Delivery& delivery);

    // No heartbeat of this delivery comes any more: one that followed a NAK would undo it.
    void stop_extending(const Delivery& delivery);

  private:
    // Where and when something was asked.
    struct Asked {
        std::chrono::steady_clock::time_point at;
        std::uint64_t connection = 0;  // the number of no connection
    };

    Asked now() { return {std::chrono::steady_clock::now(), connection_.number()}; }
    bool is_recent(const Asked& asked, std::chrono::nanoseconds age);
    std::string stream_call() const { return "STREAM.INFO." + names_.stream; }
    std::string consumer_call() const { return "CONSUMER.INFO." + names_.stream + "." + names_.consumer; }
    bool ask_for_stream();
    bool ask_for_consumer();
    void ask_in_background();
    void receive(std::string_view what, natsMsg* message);
    void note(StreamInfo info, const Asked& asked);
    void note(const ConsumerInfo& info, const Asked& asked);
    void send_heartbeats();

    Connection& connection_;
    const QueueNames names_;

    std::mutex mutex_;  // guards all that follow; held for moments only
    DeliveryRules rules_;
    std::vector<std::string> subjects_;
    std::optional<ServerTime> created_;
    Asked stream_asked_;
    Asked consumer_asked_;
    Asked background_asked_;
    std::uint64_t background_ = 0;  // the number of the last question in the background
    bool awaits_answer_ = false;    // to that question
    bool paused_ = false;
    bool has_backoff_ = false;

    std::mutex heartbeat_mutex_;  // held while heartbeats are published; guards the next
    std::vector<Delivery> to_extend_;

    Inbox inbox_;  // last: it uses all of the above
};

}  // namespace bw
