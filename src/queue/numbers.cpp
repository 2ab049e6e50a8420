#include <algorithm>
#include <utility>

#include "connection.hpp"

namespace bw {
namespace {

std::string stream_call(const QueueNames& names) { return "STREAM.INFO." + names.stream; }
std::string consumer_call(const QueueNames& names) {
    return "CONSUMER.INFO." + names.stream + "." + names.consumer;
}

// Messages on subjects that the consumer does not take count as dead too: no worker ever gets them, so that
// they stay for ever just as well. untaken_messages() tells them apart.
std::uint64_t dead(std::uint64_t messages, const ConsumerInfo& consumer) {
    const auto alive = consumer.pending + consumer.ack_pending;
    return messages > alive ? messages - alive : 0;
}

// The stream was asked between two questions to the consumer, so that one can see whether something changed
// meanwhile.
struct Snapshot {
    ConsumerInfo before;
    StreamInfo stream;
    ConsumerInfo after;

    // No job came, was delivered or acknowledged meanwhile, so that the three go together.
    bool agree() const {
        return before.pending == after.pending && before.ack_pending == after.ack_pending &&
               before.deliveries == after.deliveries;
    }
};

std::optional<Snapshot> ask(Connection& connection, const QueueNames& names, const std::stop_token& stop) {
    if (stop.stop_requested()) return std::nullopt;
    const auto before = read_consumer_info(connection.api(consumer_call(names)), names);
    if (!std::holds_alternative<ConsumerInfo>(before) || stop.stop_requested()) return std::nullopt;
    const auto stream = read_stream_info(connection.api(stream_call(names)), names);
    if (!std::holds_alternative<StreamInfo>(stream) || stop.stop_requested()) return std::nullopt;
    const auto after = read_consumer_info(connection.api(consumer_call(names)), names);
    if (!std::holds_alternative<ConsumerInfo>(after)) return std::nullopt;
    return Snapshot{std::get<ConsumerInfo>(before), std::get<StreamInfo>(stream),
                    std::get<ConsumerInfo>(after)};
}

}  // namespace

std::optional<QueueNumbers> queue_numbers(Connection& connection, const QueueNames& names,
                                          const std::stop_token& stop) {
    constexpr int kMostTries = 5;
    auto answers = ask(connection, names, stop);
    for (int tries = 1; answers && !answers->agree() && tries < kMostTries; ++tries) {
        answers = ask(connection, names, stop);
    }
    if (!answers) return std::nullopt;
    const auto& [before, stream, after] = *answers;
    QueueNumbers numbers;
    numbers.messages = stream.messages;
    numbers.pending = after.pending;
    numbers.ack_pending = after.ack_pending;
    // A job that came between the answers makes the first number too large, one that was acknowledged the
    // second.
    numbers.dead = std::min(dead(stream.messages, before), dead(stream.messages, after));
    // The server counts the dead among the redelivered too.
    numbers.redelivered =
        std::min(after.ack_pending, after.redelivered - std::min(after.redelivered, numbers.dead));
    numbers.waiting_pulls = after.waiting_pulls;
    numbers.last_sequence = stream.last_sequence;
    numbers.deliveries = after.deliveries;
    numbers.paused_until = after.paused_until;
    return numbers;
}

std::map<std::string, std::uint64_t> untaken_messages(Connection& connection, const QueueNames& names) {
    const auto consumer = read_consumer_info(connection.api(consumer_call(names)), names);
    const auto stream = read_stream_info(connection.api(stream_call(names), subject_counts_request()), names);
    if (!std::holds_alternative<ConsumerInfo>(consumer) || !std::holds_alternative<StreamInfo>(stream)) {
        return {};
    }
    auto untaken = std::get<StreamInfo>(stream).messages_by_subject;
    std::erase_if(untaken, [&consumer](const auto& counted) {
        return std::get<ConsumerInfo>(consumer).takes(counted.first);
    });
    return untaken;
}

}  // namespace bw
