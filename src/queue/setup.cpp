#include <algorithm>
#include <string_view>
#include <utility>

#include "bw/base/error.hpp"
#include "connection.hpp"

namespace bw {
namespace {

using Outcome = SetupResult::Outcome;

// The names of the API's calls, and of what they are about.
std::string stream_call(std::string_view verb, const std::string& stream) {
    return "STREAM." + std::string(verb) + "." + stream;
}
std::string consumer_call(std::string_view verb, const QueueNames& names) {
    return "CONSUMER." + std::string(verb) + "." + names.stream + "." + names.consumer;
}
std::string stream_title(const std::string& stream) { return "stream " + stream; }
std::string consumer_title(const QueueNames& names) {
    return "consumer " + names.stream + " > " + names.consumer;
}

// This turns what JetStream says of a stream or consumer into a result.
template <typename Info>
SetupResult compared(Connection& connection, const std::string& title, const std::string& call,
                     const ApiAnswer<Info>& answer) {
    if (std::holds_alternative<NoAnswer>(answer)) no_answer(connection, "$JS.API." + call);
    if (const auto* error = std::get_if<ApiError>(&answer)) {
        const bool missing = error->code == kStreamNotFound || error->code == kConsumerNotFound;
        if (missing) return {title, Outcome::kMissing, {}};
        throw Error(ErrorKind::kQueue, title, error->text);
    }
    const auto& differences = std::get<Info>(answer).differences;
    return {title, differences.empty() ? Outcome::kAsItShouldBe : Outcome::kDiffers, differences};
}

SetupResult compare_stream(Connection& connection, const QueueNames& names,
                           std::optional<std::int64_t> max_msg_size = std::nullopt) {
    const auto call = stream_call("INFO", names.stream);
    return compared(connection, stream_title(names.stream), call,
                    read_stream_info(connection.api(call), names, max_msg_size));
}

SetupResult compare_consumer(Connection& connection, const QueueNames& names) {
    const auto call = consumer_call("INFO", names);
    return compared(connection, consumer_title(names), call, read_consumer_info(connection.api(call), names));
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
    std::string joined;
    for (const auto& text : texts) joined.append(joined.empty() ? "" : separator).append(text);
    return joined;
}

std::string listed(const std::vector<std::string>& names) {
    return names.empty() ? "one that we may not ask for" : joined(names, ", ");
}

std::string overlapping_streams(Connection& connection, const std::vector<std::string>& subjects) {
    std::vector<std::string> streams;
    for (const auto& subject : subjects) {
        for (auto& name : read_stream_names(connection.api("STREAM.NAMES", stream_names_request(subject)))) {
            if (std::ranges::find(streams, name) == streams.end()) streams.push_back(std::move(name));
        }
    }
    return "; subjects of " + joined(subjects, " or ") + " are taken by the stream " + listed(streams);
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

// What is in the way of something that cannot be created.
std::string obstacle(Connection& connection, const QueueNames& names,
                     const std::vector<std::string>& subjects, const ApiError& error) {
    if (error.code == kStreamSubjectsOverlap) return overlapping_streams(connection, subjects);
    if (error.code != kConsumerFiltersOverlap && error.code != kConsumerTakesAll) return "";
    return "; jobs on " + job_subject(names) + " are taken by the consumer " +
           overlapping_consumers(connection, names);
}

// `subjects`: what a stream was to take.
template <typename Info>
void check_created(Connection& connection, const QueueNames& names, const std::string& title,
                   const std::vector<std::string>& subjects, const std::string& call,
                   const ApiAnswer<Info>& answer) {
    if (std::holds_alternative<NoAnswer>(answer)) no_answer(connection, "$JS.API." + call);
    if (const auto* error = std::get_if<ApiError>(&answer)) {
        throw Error(ErrorKind::kQueue, title,
                    "cannot be created: " + error->text + obstacle(connection, names, subjects, *error));
    }
}

void create_stream(Connection& connection, const QueueNames& names,
                   std::optional<std::int64_t> max_msg_size) {
    const auto call = stream_call("CREATE", names.stream);
    const auto answer =
        connection.api(call, stream_creation(names, max_msg_size.value_or(kLeastMessageSize)));
    check_created(connection, names, stream_title(names.stream), {names.stream + ".>"}, call,
                  read_stream_info(answer, names));
}

// A job is acknowledged only when its record is stored, so that with fewer replicas than the job stream has
// the loss of one server would stop a queue that it would not stop otherwise.
std::int64_t replicas_of_jobs(Connection& connection, const QueueNames& names) {
    const auto answer = read_stream_info(connection.api(stream_call("INFO", names.stream)), names);
    const auto* info = std::get_if<StreamInfo>(&answer);
    return info == nullptr ? 1 : info->replicas;
}

void create_results(Connection& connection, const QueueNames& names) {
    const auto call = stream_call("CREATE", names.results);
    const auto answer = connection.api(call, results_creation(names, replicas_of_jobs(connection, names)));
    check_created(connection, names, stream_title(names.results), results_subjects(names), call,
                  read_results_info(answer, names));
}

void create_consumer(Connection& connection, const QueueNames& names) {
    const auto call = consumer_call("DURABLE.CREATE", names);
    const auto answer = connection.api(call, consumer_creation(names));
    check_created(connection, names, consumer_title(names), {}, call, read_consumer_info(answer, names));
}

ApiAnswer<StreamInfo> ask_for_results(Connection& connection, const QueueNames& names) {
    const auto answer = connection.api_if_permitted(stream_call("INFO", names.results));
    return read_results_info(answer.value_or(""), names);
}

SetupResult results_off() { return {"results stream", Outcome::kOff, {}}; }

SetupResult compare_results(Connection& connection, const QueueNames& names) {
    if (names.results.empty()) return results_off();
    const auto title = stream_title(names.results);
    const auto answer = ask_for_results(connection, names);
    const auto* error = std::get_if<ApiError>(&answer);
    const bool is_known =
        error != nullptr ? error->code == kStreamNotFound : std::holds_alternative<StreamInfo>(answer);
    if (!is_known) return {title, Outcome::kNotKnown, {}};
    return compared(connection, title, stream_call("INFO", names.results), answer);
}

}  // namespace

std::vector<SetupResult> set_up(Connection& connection, const QueueNames& names,
                                std::optional<std::int64_t> max_msg_size) {
    std::vector<SetupResult> results{compare_stream(connection, names, max_msg_size)};
    const bool differs = results.front().outcome == Outcome::kDiffers;
    if (results.front().outcome == Outcome::kMissing) {
        create_stream(connection, names, max_msg_size);
        results.front().outcome = Outcome::kCreated;
    }
    SetupResult consumer = compare_consumer(connection, names);
    if (consumer.outcome == Outcome::kMissing) {
        if (differs) return results;
        create_consumer(connection, names);
        consumer.outcome = Outcome::kCreated;
    }
    results.push_back(std::move(consumer));
    return results;
}

SetupResult set_up_results(Connection& connection, const QueueNames& names) {
    if (names.results.empty()) return results_off();
    try {
        const auto call = stream_call("INFO", names.results);
        auto result =
            compared(connection, stream_title(names.results), call, ask_for_results(connection, names));
        if (result.outcome != Outcome::kMissing) return result;
        create_results(connection, names);
        result.outcome = Outcome::kCreated;
        return result;
    } catch (const Error& error) {  // whoever may not make the stream works on as before
        throw Error(error.kind(), error.where(),
                    std::string(error.what()) + "; set BW_RESULTS to off to do without the results stream");
    }
}

QueueComparison compare(Connection& connection, const QueueNames& names) {
    return {.stream = compare_stream(connection, names),
            .consumer = compare_consumer(connection, names),
            .results = compare_results(connection, names)};
}

}  // namespace bw
