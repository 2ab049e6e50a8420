#include "specification.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "bw/protocol/record.hpp"

namespace bw {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;  // JetStream's times are nanoseconds
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

// These fields are created, and compared.
json stream_fields(const QueueNames& names) {
    return {{"subjects", json::array({names.stream + ".>"})},
            {"retention", "workqueue"},
            {"storage", "file"},
            {"discard", "old"},
            {"max_msgs", -1},
            {"max_msgs_per_subject", -1},
            {"max_bytes", -1},
            {"max_age", 0},
            {"max_msg_size", kLeastMessageSize},
            {"duplicate_window", kHour}};
}

json results_fields(const QueueNames& names) {
    return {{"subjects", results_subjects(names)},
            {"retention", "limits"},
            {"storage", "file"},
            {"discard", "old"},
            {"duplicate_window", kHour}};
}

// These are created, and are the operator's to change. A limit for each subject must not be among them: the
// advisories of all dead jobs of a consumer have one subject, so that only so many would be kept.
json results_limits() {
    return {{"max_consumers", -1},
            {"max_msgs", -1},
            {"max_msgs_per_subject", -1},
            {"max_msg_size", -1},
            {"max_bytes", std::int64_t{1} << 30},
            {"max_age", 30 * kDay}};
}

json consumer_fields(const QueueNames& names) {
    return {{"deliver_policy", "all"},
            {"ack_policy", "explicit"},
            {"ack_wait", 30 * kSecond},
            {"max_deliver", 5},
            {"filter_subject", job_subject(names)},
            {"replay_policy", "instant"}};
}

// These fields are compared: a server that has not heard of one of them leaves it out, and so does one that
// has it unset.
json unset_stream_fields() { return {{"no_ack", false}, {"sealed", false}}; }

json unset_consumer_fields() {
    return {{"deliver_subject", ""},  // there is one: a push consumer
            {"headers_only", false},
            {"backoff", json::array()},  // decides in place of ack_wait and of the delay that a NAK asks for
            {"inactive_threshold", 0},   // the consumer would go while no worker is there
            {"max_expires", 0},
            {"priority_groups", json::array()}};
}

json merged(json fields, const json& more) {
    fields.update(more);
    return fields;
}

bool is_duration(std::string_view field) {
    constexpr std::array<std::string_view, 5> kDurations{"max_age", "duplicate_window", "ack_wait",
                                                         "inactive_threshold", "max_expires"};
    return std::find(kDurations.begin(), kDurations.end(), field) != kDurations.end();
}

std::string shown(const std::string& field, const json& value) {
    if (is_duration(field) && value.is_number_integer()) return shown_duration(value.get<std::int64_t>());
    if (value == json("") || value == json::array()) return "empty";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// JetStream leaves out a field that has this value.
json unset(const json& like) {
    if (like.is_string()) return "";
    if (like.is_boolean()) return false;
    return like.is_array() ? json::array() : json(0);
}

std::vector<std::string> differences(const json& fields, const json& config) {
    std::vector<std::string> lines;
    for (const auto& [field, wanted] : fields.items()) {
        const json& found = member(config, field);
        const json actual = found.is_null() ? unset(wanted) : found;
        if (actual == wanted) continue;
        if (field == "max_expires" && !refuses_our_pulls(config)) continue;
        lines.push_back(field + ": is " + shown(field, actual) + ", should be " + shown(field, wanted));
    }
    return lines;
}

}  // namespace

std::vector<std::string> results_subjects(const QueueNames& names) {
    QueueNames any = names;
    any.consumer = "*";
    return {dead_subject(any), "RESULTS." + names.stream + ".>"};
}

std::string job_subject(const QueueNames& names) { return names.stream + ".blackandwhite"; }

std::string stream_creation(const QueueNames& names, std::int64_t max_msg_size) {
    return merged(stream_fields(names), {{"name", names.stream},
                                         {"num_replicas", 1},
                                         {"max_consumers", -1},
                                         {"max_msg_size", max_msg_size}})
        .dump();
}

std::string results_creation(const QueueNames& names, std::int64_t replicas) {
    const json config = merged(results_limits(), {{"name", names.results}, {"num_replicas", replicas}});
    return merged(results_fields(names), config).dump();
}

std::string consumer_creation(const QueueNames& names) {
    const json config = merged(consumer_fields(names), {{"durable_name", names.consumer}});
    return json{{"stream_name", names.stream}, {"config", config}}.dump();
}

std::vector<std::string> stream_differences(const json& config, const QueueNames& names,
                                            std::optional<std::int64_t> max_msg_size) {
    json wanted = merged(stream_fields(names), unset_stream_fields());
    const auto found = integer_of(member(config, "max_msg_size"));
    if (max_msg_size) {
        wanted["max_msg_size"] = *max_msg_size;
    } else if (found <= 0 || found >= kLeastMessageSize) {
        wanted.erase("max_msg_size");  // the operator's
    }
    return differences(wanted, config);
}

std::vector<std::string> results_differences(const json& config, const QueueNames& names) {
    json wanted = merged(results_fields(names), unset_stream_fields());
    // JetStream allows no window that is longer than the age.
    const auto age = integer_of(member(config, "max_age"));
    const auto window = age > 0 ? std::min(age, kHour) : kHour;
    wanted["duplicate_window"] = window;
    if (integer_of(member(config, "duplicate_window")) >= window) wanted.erase("duplicate_window");
    json found = config;
    if (member(found, "subjects").is_array()) std::sort(found["subjects"].begin(), found["subjects"].end());
    return differences(wanted, found);
}

std::vector<std::string> consumer_differences(const json& config, const QueueNames& names) {
    return differences(merged(consumer_fields(names), unset_consumer_fields()), config);
}

bool refuses_our_pulls(const json& config) {
    const json& longest = member(config, "max_expires");
    if (!longest.is_number_integer()) return false;
    const auto nanoseconds = longest.get<std::int64_t>();
    return nanoseconds > 0 && nanoseconds < std::chrono::nanoseconds(kPullExpiry).count();
}

std::string shown_duration(std::int64_t nanoseconds) {
    if (nanoseconds % kSecond == 0) return std::to_string(nanoseconds / kSecond) + "s";
    return std::to_string(nanoseconds) + "ns";
}

}  // namespace bw
