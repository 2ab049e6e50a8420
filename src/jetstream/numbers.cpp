#include <algorithm>

#include "connection.hpp"

namespace bw {
namespace {

using nlohmann::json;

// An unsigned number at /a/b of an answer, 0 if there is none.
std::uint64_t number(const json& answer, const char* path) {
    return answer.value(json::json_pointer(path), std::uint64_t{0});
}

// The subjects are the stream's, so are messages that this consumer does not deliver: with the protocol's
// filter such ones are nobody's jobs, and count as dead. They stay there for ever just as well.
std::uint64_t dead(std::uint64_t messages, const json& consumer) {
    const auto alive = number(consumer, "/num_pending") + number(consumer, "/num_ack_pending");
    return messages > alive ? messages - alive : 0;
}

}  // namespace

std::optional<QueueNumbers> queue_numbers(Connection& connection, const QueueNames& names) {
    const std::string consumer_info = "CONSUMER.INFO." + names.stream + "." + names.consumer;
    const auto before = connection.api(consumer_info);
    const auto stream = connection.api("STREAM.INFO." + names.stream);
    const auto after = connection.api(consumer_info);
    for (const auto* answer : {&before, &stream, &after}) {
        if (!*answer || api_error_code(**answer) != 0) return std::nullopt;
    }
    QueueNumbers numbers;
    numbers.messages = number(*stream, "/state/messages");
    numbers.pending = number(*after, "/num_pending");
    numbers.ack_pending = number(*after, "/num_ack_pending");
    numbers.redelivered = number(*after, "/num_redelivered");
    // A job that comes is too much for the answer before it, one that is acknowledged for the one after it.
    numbers.dead = std::min(dead(numbers.messages, *before), dead(numbers.messages, *after));
    numbers.last_sequence = number(*stream, "/state/last_seq");
    numbers.deliveries = number(*after, "/delivered/consumer_seq");
    return numbers;
}

}  // namespace bw
