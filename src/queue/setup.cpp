#include <array>
#include <string_view>
#include <utility>

#include "bw/base/error.hpp"
#include "connection.hpp"

namespace bw {
namespace {

using nlohmann::json;
using Outcome = SetupResult::Outcome;

constexpr std::int64_t kSecond = 1'000'000'000;  // JetStream's times are nanoseconds

// The protocol's stream and consumer, field by field, in JetStream's own words. These fields are compared, no
// others.
json stream_as_it_should_be(const QueueNames& names) {
    return {{"subjects", json::array({names.stream + ".>"})},
            {"retention", "workqueue"},
            {"storage", "file"},
            {"discard", "old"},
            {"max_msgs", -1},
            {"max_bytes", -1},
            {"max_age", 0},
            {"max_msg_size", 512},
            {"duplicate_window", 3600 * kSecond}};
}

json consumer_as_it_should_be(const QueueNames& names) {
    return {{"deliver_subject", ""},  // none: a pull consumer
            {"deliver_policy", "all"},
            {"ack_policy", "explicit"},
            {"ack_wait", 30 * kSecond},
            {"max_deliver", 5},
            {"filter_subject", names.stream + ".blackandwhite"},
            {"replay_policy", "instant"}};
}

// Values as people write them: 30s, not 30000000000.
std::string shown(const std::string& field, const json& value) {
    constexpr std::array<std::string_view, 3> kTimes{"max_age", "duplicate_window", "ack_wait"};
    for (const auto time : kTimes) {
        if (field != time || !value.is_number_integer()) continue;
        const auto nanoseconds = value.get<std::int64_t>();
        if (nanoseconds % kSecond == 0) return std::to_string(nanoseconds / kSecond) + "s";
        return std::to_string(nanoseconds) + "ns";
    }
    if (value.is_string()) {
        return value.get_ref<const std::string&>().empty() ? "empty" : value.get<std::string>();
    }
    return value.dump();
}

// JetStream leaves out what is empty or zero.
std::vector<std::string> differences(const json& wanted, const json& found) {
    std::vector<std::string> list;
    for (const auto& [field, value] : wanted.items()) {
        const json nothing = value.is_string() ? json("") : value.is_array() ? json::array() : json(0);
        const json& actual = found.contains(field) ? found[field] : nothing;
        if (actual != value) {
            list.push_back(field + ": is " + shown(field, actual) + ", should be " + shown(field, value));
        }
    }
    return list;
}

json ask(Connection& connection, const std::string& call, const json& request = nullptr) {
    if (auto answer = connection.api(call, request)) return *answer;
    throw Error(ErrorKind::kQueue, "$JS.API." + call,
                "JetStream does not answer: " +
                    connection.refusal().value_or("is it switched on (nats-server -js)?"));
}

struct Thing {
    std::string what;
    std::string info_call;
    std::string create_call;
    json wanted;
    json creation;
};

Thing the_stream(const QueueNames& names) {
    json wanted = stream_as_it_should_be(names);
    json creation = wanted;
    creation.update(
        {{"name", names.stream}, {"num_replicas", 1}, {"max_consumers", -1}, {"max_msgs_per_subject", -1}});
    return {"stream " + names.stream, "STREAM.INFO." + names.stream, "STREAM.CREATE." + names.stream,
            std::move(wanted), std::move(creation)};
}

Thing the_consumer(const QueueNames& names) {
    json wanted = consumer_as_it_should_be(names);
    json config = wanted;
    config.erase("deliver_subject");
    config["durable_name"] = names.consumer;
    const std::string path = names.stream + "." + names.consumer;
    return {"consumer " + names.stream + " > " + names.consumer,
            "CONSUMER.INFO." + path,
            "CONSUMER.DURABLE.CREATE." + path,
            std::move(wanted),
            {{"stream_name", names.stream}, {"config", std::move(config)}}};
}

SetupResult look_at(Connection& connection, const Thing& thing) {
    const json answer = ask(connection, thing.info_call);
    const int code = api_error_code(answer);
    if (code == kStreamNotFound || code == kConsumerNotFound) return {thing.what, Outcome::kMissing, {}};
    if (code != 0) throw Error(ErrorKind::kQueue, thing.what, api_error_text(answer));
    auto list = differences(thing.wanted, answer.value("config", json::object()));
    const auto outcome = list.empty() ? Outcome::kAsItShouldBe : Outcome::kDiffers;
    return {thing.what, outcome, std::move(list)};
}

void create(Connection& connection, const Thing& thing) {
    const json answer = ask(connection, thing.create_call, thing.creation);
    if (api_error_code(answer) != 0) {
        throw Error(ErrorKind::kQueue, thing.what, "cannot be created: " + api_error_text(answer));
    }
}

}  // namespace

std::vector<SetupResult> set_up(Connection& connection, const QueueNames& names) {
    std::vector<SetupResult> results;
    bool differs = false;
    for (const Thing& thing : {the_stream(names), the_consumer(names)}) {
        SetupResult result = look_at(connection, thing);
        differs = differs || result.outcome == Outcome::kDiffers;
        if (result.outcome == Outcome::kMissing) {
            if (differs) continue;
            create(connection, thing);
            result.outcome = Outcome::kCreated;
        }
        results.push_back(std::move(result));
    }
    return results;
}

std::vector<SetupResult> inspect(Connection& connection, const QueueNames& names) {
    return {look_at(connection, the_stream(names)), look_at(connection, the_consumer(names))};
}

}  // namespace bw
