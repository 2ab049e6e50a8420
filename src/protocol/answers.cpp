#include <algorithm>
#include <utility>

#include "bw/protocol.hpp"
#include "bw/protocol/record.hpp"
#include "members.hpp"
#include "specification.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

// `fill` makes an Info of an answer that has a configuration.
template <typename Fill>
auto read_info(std::string_view text, Fill fill) -> ApiAnswer<decltype(fill(json()))> {
    const json answer = parse_json(text);
    if (auto error = error_of(answer)) return *std::move(error);
    if (!member(answer, "config").is_object()) return NoAnswer{};
    return fill(answer);
}

milliseconds milliseconds_of(const json& nanoseconds) {
    return std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(integer_of(nanoseconds)));
}

milliseconds shortest_ack_wait(const json& config) {
    auto shortest = milliseconds_of(member(config, "ack_wait"));
    const json& backoff = member(config, "backoff");
    if (!backoff.is_array()) return shortest;
    for (const json& wait : backoff) shortest = std::min(shortest, milliseconds_of(wait));
    return shortest;
}

std::optional<std::string> why_useless(const json& config) {
    if (!text_of(member(config, "deliver_subject")).empty()) {
        return "is a push consumer, a pull consumer is right";
    }
    if (text_of(member(config, "ack_policy")) != "explicit") return "has an ack_policy that is not explicit";
    if (member(config, "headers_only") == json(true)) {
        return "delivers headers only (headers_only), so that every job would be without its content";
    }
    if (member(config, "priority_groups").is_array() && !member(config, "priority_groups").empty()) {
        return "has priority groups, so that the pulls of bw are refused";
    }
    if (refuses_our_pulls(config)) {
        return "has a max_expires of " + shown_duration(integer_of(member(config, "max_expires"))) +
               ", so that the pulls of bw, which wait for " +
               shown_duration(std::chrono::nanoseconds(kPullExpiry).count()) + ", are refused";
    }
    return std::nullopt;
}

// A worker acknowledges a job only when its record is stored: a stream that does not take records, or does
// not say so, would cost every job all of its deliveries.
std::optional<std::string> why_no_records(const json& config) {
    if (member(config, "no_ack") == json(true)) return "it acknowledges nothing (no_ack)";
    if (member(config, "sealed") == json(true)) return "it is sealed";
    if (text_of(member(config, "discard")) == "new") return "it takes nothing when it is full (discard: new)";
    const auto limit = integer_of(member(config, "max_msg_size"));
    if (limit > 0 && limit < static_cast<std::int64_t>(kMaxRecordText)) {
        return "records may be larger than its max_msg_size of " + std::to_string(limit) + " bytes";
    }
    return std::nullopt;
}

std::vector<std::string> filters_of(const json& config) {
    auto filters = texts_of(member(config, "filter_subjects"));
    if (auto only = text_of(member(config, "filter_subject")); !only.empty())
        filters.push_back(std::move(only));
    return filters;
}

StreamInfo stream_info(const json& answer, std::vector<std::string> differences) {
    const json& config = member(answer, "config");
    const json& state = member(answer, "state");
    StreamInfo info{.created = read_time(text_of(member(answer, "created"))),
                    .subjects = texts_of(member(config, "subjects")),
                    .retention = text_of(member(config, "retention")),
                    .max_msg_size = integer_of(member(config, "max_msg_size"), -1),
                    .replicas = integer_of(member(config, "num_replicas"), 1),
                    .messages = count_of(member(state, "messages")),
                    .last_sequence = count_of(member(state, "last_seq")),
                    .messages_by_subject = {},
                    .useless_because = std::nullopt,
                    .differences = std::move(differences)};
    if (const json& counts = member(state, "subjects"); counts.is_object()) {
        for (const auto& [subject, count] : counts.items())
            info.messages_by_subject[subject] = count_of(count);
    }
    return info;
}

ConsumerInfo consumer_info(const json& answer, const QueueNames& names) {
    const json& config = member(answer, "config");
    ConsumerInfo info{
        .name = text_of(member(answer, "name")),
        .created = read_time(text_of(member(answer, "created"))),
        .filters = filters_of(config),
        .ack_wait = shortest_ack_wait(config),
        .max_deliver = integer_of(member(config, "max_deliver"), -1),
        .has_backoff = member(config, "backoff").is_array() && !member(config, "backoff").empty(),
        .paused_until = std::nullopt,
        .pending = count_of(member(answer, "num_pending")),
        .ack_pending = count_of(member(answer, "num_ack_pending")),
        .redelivered = count_of(member(answer, "num_redelivered")),
        .waiting_pulls = count_of(member(answer, "num_waiting")),
        .deliveries = count_of(member(member(answer, "delivered"), "consumer_seq")),
        .last_delivered = count_of(member(member(answer, "delivered"), "stream_seq")),
        .ack_floor = count_of(member(member(answer, "ack_floor"), "stream_seq")),
        .is_of_new_server = !text_of(member(member(config, "metadata"), "_nats.ver")).empty(),
        .useless_because = why_useless(config),
        .differences = consumer_differences(config, names)};
    if (member(answer, "paused") == json(true)) info.paused_until = text_of(member(config, "pause_until"));
    return info;
}

}  // namespace

bool ConsumerInfo::takes(std::string_view subject) const {
    return filters.empty() ||
           std::ranges::any_of(filters, [&](const auto& filter) { return matches(filter, subject); });
}

ApiAnswer<StreamInfo> read_stream_info(std::string_view answer, const QueueNames& names,
                                       std::optional<std::int64_t> max_msg_size) {
    return read_info(answer, [&](const json& info) {
        return stream_info(info, stream_differences(member(info, "config"), names, max_msg_size));
    });
}

ApiAnswer<StreamInfo> read_results_info(std::string_view answer, const QueueNames& names) {
    return read_info(answer, [&names](const json& info) {
        StreamInfo results = stream_info(info, results_differences(member(info, "config"), names));
        results.useless_because = why_no_records(member(info, "config"));
        return results;
    });
}

ApiAnswer<ConsumerInfo> read_consumer_info(std::string_view answer, const QueueNames& names) {
    return read_info(answer, [&names](const json& info) { return consumer_info(info, names); });
}

std::vector<std::string> read_stream_names(std::string_view answer) {
    const json parsed = parse_json(answer);
    return texts_of(member(parsed, "streams"));
}

std::vector<ConsumerInfo> read_consumer_list(std::string_view answer, const QueueNames& names) {
    std::vector<ConsumerInfo> list;
    const json parsed = parse_json(answer);
    const json& consumers = member(parsed, "consumers");
    if (!consumers.is_array()) return list;
    for (const json& consumer : consumers) list.push_back(consumer_info(consumer, names));
    return list;
}

}  // namespace bw
