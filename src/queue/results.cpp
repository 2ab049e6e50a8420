#include "results.hpp"

#include <algorithm>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/protocol/stored.hpp"
#include "message.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeTimeout{2000};

// Many workers that start at once, or one that starts with each job that fails, leave one message in ten
// seconds. A message that the stream refused counts for nobody.
std::string probe_message_id(const QueueNames& names) {
    constexpr std::chrono::seconds kEvery{10};
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return "probe-" + names.stream + "-" + names.consumer + "-" + std::to_string(now / kEvery);
}

}  // namespace

bool Results::find() {
    if (names_.results.empty()) return true;
    const Found found = look();
    there_ = found == Found::kYes;
    return found != Found::kNoAnswer;
}

// A worker whose permissions are older than the results stream works as it did.
Results::Found Results::look() {
    const std::string call = "STREAM.INFO." + names_.results;
    const auto text = connection_.api_if_permitted(call);
    if (!text) {
        log::startup("no records are kept, since the results stream may not be asked for",
                     {{"results", names_.results}});
        return Found::kNo;
    }
    const auto answer = read_results_info(*text, names_);
    if (const auto* error = std::get_if<ApiError>(&answer); error && error->code == kStreamNotFound) {
        log::startup("no records are kept, since there is no results stream", {{"results", names_.results}});
        return Found::kNo;
    }
    const auto* info = std::get_if<StreamInfo>(&answer);
    if (info == nullptr) return Found::kNoAnswer;
    const auto takes_records = [this](const std::string& pattern) {
        return matches(pattern, record_subject(names_, Record::Outcome::kDone, 1));
    };
    auto useless = info->useless_because;
    if (!std::ranges::any_of(info->subjects, takes_records)) {
        useless = "it does not take " + record_subjects(names_);
    }
    if (useless) {
        throw Error(ErrorKind::kDifference, names_.results,
                    "the results stream keeps no records: " + *useless +
                        "; `bw setup` says what differs, and with BW_RESULTS off none are kept");
    }
    return probe();
}

// Whoever may ask for the stream and not write to it would fail with every job, and so would each worker
// while the stream takes nothing, since JetStream's storage is full: no job is fetched before a message was
// stored.
Results::Found Results::probe() {
    const std::string subject = probe_subject(names_);
    connection_.tolerate_refusal(subject);
    problem_ = publish(subject, "", {{.name = kMessageId, .value = probe_message_id(names_)}}, kProbeTimeout);
    if (connection_.refused(subject)) {
        log::startup("no records are kept, since the results stream may not be written to",
                     {{"results", names_.results}});
        return Found::kNo;
    }
    return problem_ ? Found::kNoAnswer : Found::kYes;
}

std::optional<std::string> Results::store(const Record& record, const std::optional<Trace>& trace,
                                          milliseconds timeout) {
    if (!there_) return std::nullopt;
    auto headers = headers_of(trace);
    headers.push_back({.name = kMessageId, .value = record_message_id(names_, record)});
    return publish(record_subject(names_, record.outcome, record.sequence), record_body(record), headers,
                   timeout);
}

std::optional<std::string> Results::publish(const std::string& subject, std::string_view body,
                                            const std::vector<Header>& headers, milliseconds timeout) {
    MessagePtr message;
    const auto send = [&](const std::string& reply) {
        message = make_message(subject, body, headers, reply);
        return natsConnection_PublishMsg(connection_.get(), message.get());
    };
    MessagePtr reply;
    const auto status = answers_.ask(send, timeout, reply);
    if (status == NATS_NO_RESPONDERS) return "no stream takes " + subject;
    if (status != NATS_OK) return "the stream does not answer";
    const auto answer = read_publication(payload_of(reply.get()));
    if (const auto* error = std::get_if<ApiError>(&answer)) return error->text;
    const auto* published = std::get_if<Published>(&answer);
    if (published == nullptr || published->stream != names_.results) {
        return "another than the stream answers on " + subject;
    }
    return std::nullopt;
}

}  // namespace bw
