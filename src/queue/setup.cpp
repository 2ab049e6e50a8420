#include <algorithm>
#include <string_view>
#include <utility>

#include "bw/base/error.hpp"
#include "connection.hpp"

namespace bw {
namespace {

using Outcome = SetupResult::Outcome;

// The names of the API's calls, and of what they are about.
std::string stream_call(std::string_view verb, const QueueNames& names) {
    return "STREAM." + std::string(verb) + "." + names.stream;
}
std::string consumer_call(std::string_view verb, const QueueNames& names) {
    return "CONSUMER." + std::string(verb) + "." + names.stream + "." + names.consumer;
}
std::string stream_title(const QueueNames& names) { return "stream " + names.stream; }
std::string consumer_title(const QueueNames& names) {
    return "consumer " + names.stream + " > " + names.consumer;
}

[[noreturn]] void no_answer(Connection& connection, const std::string& call) {
    throw Error(ErrorKind::kQueue, "$JS.API." + call,
                "JetStream does not answer: " +
                    connection.refusal().value_or("is it switched on (nats-server -js)?"));
}

// This turns what JetStream says of a stream or consumer into a result.
template <typename Info>
SetupResult compared(Connection& connection, const std::string& title, const std::string& call,
                     const ApiAnswer<Info>& answer) {
    if (std::holds_alternative<NoAnswer>(answer)) no_answer(connection, call);
    if (const auto* error = std::get_if<ApiError>(&answer)) {
        const bool missing = error->code == kStreamNotFound || error->code == kConsumerNotFound;
        if (missing) return {title, Outcome::kMissing, {}};
        throw Error(ErrorKind::kQueue, title, error->text);
    }
    const auto& differences = std::get<Info>(answer).differences;
    return {title, differences.empty() ? Outcome::kAsItShouldBe : Outcome::kDiffers, differences};
}

SetupResult compare_stream(Connection& connection, const QueueNames& names) {
    const auto call = stream_call("INFO", names);
    return compared(connection, stream_title(names), call, read_stream_info(connection.api(call), names));
}

SetupResult compare_consumer(Connection& connection, const QueueNames& names) {
    const auto call = consumer_call("INFO", names);
    return compared(connection, consumer_title(names), call, read_consumer_info(connection.api(call), names));
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? "" : ", ").append(name);
    return text.empty() ? "one that we may not ask for" : text;
}

std::string overlapping_streams(Connection& connection, const QueueNames& names) {
    const auto answer = connection.api("STREAM.NAMES", stream_names_request(names.stream + ".>"));
    return listed(read_stream_names(answer));
}

std::string overlapping_consumers(Connection& connection, const QueueNames& names) {
    std::vector<std::string> overlapping;
    for (const auto& consumer : read_consumer_list(connection.api("CONSUMER.LIST." + names.stream), names)) {
        const auto& filters = consumer.filters;
        const bool takes_jobs =
            filters.empty() || std::any_of(filters.begin(), filters.end(), [&names](const auto& filter) {
                return overlap(filter, job_subject(names));
            });
        if (takes_jobs) overlapping.push_back(consumer.name);
    }
    return listed(overlapping);
}

// The text says why something cannot be created, and names what is in its way.
std::string reason_of(Connection& connection, const QueueNames& names, const ApiError& error) {
    std::string text = "cannot be created: " + error.text;
    if (error.code == kStreamSubjectsOverlap) {
        text += "; subjects of " + names.stream + ".> are taken by the stream " +
                overlapping_streams(connection, names);
    } else if (error.code == kConsumerFiltersOverlap || error.code == kConsumerTakesAll) {
        text += "; jobs on " + job_subject(names) + " are taken by the consumer " +
                overlapping_consumers(connection, names);
    }
    return text;
}

template <typename Info>
void check_created(Connection& connection, const QueueNames& names, const std::string& title,
                   const std::string& call, const ApiAnswer<Info>& answer) {
    if (std::holds_alternative<NoAnswer>(answer)) no_answer(connection, call);
    if (const auto* error = std::get_if<ApiError>(&answer)) {
        throw Error(ErrorKind::kQueue, title, reason_of(connection, names, *error));
    }
}

void create_stream(Connection& connection, const QueueNames& names) {
    const auto call = stream_call("CREATE", names);
    const auto answer = connection.api(call, stream_creation(names));
    check_created(connection, names, stream_title(names), call, read_stream_info(answer, names));
}

void create_consumer(Connection& connection, const QueueNames& names) {
    const auto call = consumer_call("DURABLE.CREATE", names);
    const auto answer = connection.api(call, consumer_creation(names));
    check_created(connection, names, consumer_title(names), call, read_consumer_info(answer, names));
}

}  // namespace

std::vector<SetupResult> set_up(Connection& connection, const QueueNames& names) {
    std::vector<SetupResult> results{compare_stream(connection, names)};
    const bool differs = results.front().outcome == Outcome::kDiffers;
    if (results.front().outcome == Outcome::kMissing) {
        create_stream(connection, names);
        results.front().outcome = Outcome::kCreated;
    }
    SetupResult consumer = compare_consumer(connection, names);
    if (consumer.outcome == Outcome::kMissing) {
        if (differs) return results;  // nothing is created beside something that differs
        create_consumer(connection, names);
        consumer.outcome = Outcome::kCreated;
    }
    results.push_back(std::move(consumer));
    return results;
}

QueueComparison compare(Connection& connection, const QueueNames& names) {
    return {.stream = compare_stream(connection, names), .consumer = compare_consumer(connection, names)};
}

}  // namespace bw
