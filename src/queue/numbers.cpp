#include <algorithm>
#include <utility>

#include "connection.hpp"

namespace bw {
namespace {

using nlohmann::json;

// An unsigned number at /a/b of an answer, 0 if there is none.
std::uint64_t number(const json& answer, const char* path) {
    const json::json_pointer at(path);
    return answer.contains(at) && answer[at].is_number_unsigned() ? answer[at].get<std::uint64_t>() : 0;
}

// The subjects are the stream's, so are messages that this consumer does not deliver: with the protocol's
// filter such ones are nobody's jobs, and count as dead. They stay there for ever just as well.
std::uint64_t dead(std::uint64_t messages, const json& consumer) {
    const auto alive = number(consumer, "/num_pending") + number(consumer, "/num_ack_pending");
    return messages > alive ? messages - alive : 0;
}

// The stream's answer, between two of the consumer's.
struct Answers {
    json before;
    json stream;
    json after;

    // No job came, was delivered or acknowledged meanwhile, so that the three go together.
    bool agree() const {
        const auto same = [this](const char* path) { return number(before, path) == number(after, path); };
        return same("/num_pending") && same("/num_ack_pending") && same("/delivered/consumer_seq");
    }
};

std::optional<json> info(Connection& connection, const std::string& call, const std::stop_token& stop) {
    if (stop.stop_requested()) return std::nullopt;
    auto answer = connection.api(call);
    return answer && api_error_code(*answer) == 0 ? answer : std::nullopt;
}

std::optional<Answers> ask(Connection& connection, const QueueNames& names, const std::stop_token& stop) {
    const std::string consumer_info = "CONSUMER.INFO." + names.stream + "." + names.consumer;
    auto before = info(connection, consumer_info, stop);
    if (!before) return std::nullopt;
    auto stream = info(connection, "STREAM.INFO." + names.stream, stop);
    if (!stream) return std::nullopt;
    auto after = info(connection, consumer_info, stop);
    if (!after) return std::nullopt;
    return Answers{std::move(*before), std::move(*stream), std::move(*after)};
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
    numbers.messages = number(stream, "/state/messages");
    numbers.pending = number(after, "/num_pending");
    numbers.ack_pending = number(after, "/num_ack_pending");
    // A job that comes is too much for the answer before it, one that is acknowledged for the one after it.
    numbers.dead = std::min(dead(numbers.messages, before), dead(numbers.messages, after));
    // num_redelivered has the dead too.
    const auto redelivered = number(after, "/num_redelivered");
    numbers.redelivered = std::min(numbers.ack_pending, redelivered - std::min(redelivered, numbers.dead));
    numbers.waiting_pulls = number(after, "/num_waiting");
    numbers.last_sequence = number(stream, "/state/last_seq");
    numbers.deliveries = number(after, "/delivered/consumer_seq");
    return numbers;
}

}  // namespace bw
