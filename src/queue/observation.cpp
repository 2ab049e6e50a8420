#include "observation.hpp"

#include <algorithm>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "message.hpp"

namespace bw {
namespace {

using std::chrono::steady_clock;

// A stream that is deleted and made again has a new job in it no sooner than that.
constexpr std::chrono::milliseconds kMoment{100};
// A question in the background is asked again when no answer has come for so long.
constexpr std::chrono::seconds kPatience{3};
// With any other retention the jobs would be done and stay in the stream.
constexpr std::string_view kRetention = "workqueue";

[[noreturn]] void refuse(const QueueNames& names, const std::string& what) {
    throw Error(ErrorKind::kDifference, names.stream + " > " + names.consumer, what);
}

// The result is empty where JetStream did not answer.
template <typename Info>
std::optional<Info> info_of(ApiAnswer<Info> answer, const QueueNames& names) {
    if (const auto* error = std::get_if<ApiError>(&answer)) {
        if (error->code != kStreamNotFound && error->code != kConsumerNotFound) return std::nullopt;
        refuse(names, error->text + "; `bw setup` creates the stream and the consumer");
    }
    if (auto* info = std::get_if<Info>(&answer)) return std::move(*info);
    return std::nullopt;
}

// Without the answer's creation time nothing is known, and the stream is taken for the same.
bool is_in_stream(const Delivery& delivery, const std::optional<ServerTime>& created) {
    if (!created || !delivery.stream_created || created == delivery.stream_created) return true;
    // The stream was made again, perhaps before the delivery.
    return delivery.stored >= *created;
}

}  // namespace

Observation::Observation(Connection& connection, QueueNames names)
    : connection_(connection),
      names_(std::move(names)),
      inbox_(connection, [this](std::string_view what, natsMsg* message) { receive(what, message); }) {}

bool Observation::ask() { return ask_for_consumer() && ask_for_stream(); }

bool Observation::ask_for_consumer() {
    const auto asked = now();
    const auto info = info_of(read_consumer_info(connection_.api(consumer_call()), names_), names_);
    if (!info) return false;
    if (info->useless_because) {
        refuse(names_, "the consumer " + *info->useless_because + "; `bw setup` says what differs");
    }
    note(*info, asked);
    return true;
}

bool Observation::ask_for_stream() {
    const auto asked = now();
    auto info = info_of(read_stream_info(connection_.api(stream_call()), names_), names_);
    if (!info) return false;
    if (info->retention != kRetention) {
        refuse(names_, "the stream's retention is " + info->retention +
                           ", workqueue is right: jobs would be done and never removed; `bw setup` says "
                           "what differs");
    }
    note(*std::move(info), asked);
    return true;
}

bool Observation::is_recent(const Asked& asked, std::chrono::nanoseconds age) {
    return asked.connection == connection_.number() && steady_clock::now() - asked.at < age;
}

bool Observation::is_fresh(std::chrono::nanoseconds age) {
    const std::scoped_lock lock(mutex_);
    return is_recent(stream_asked_, age) && is_recent(consumer_asked_, age);
}

DeliveryRules Observation::rules() {
    std::unique_lock lock(mutex_);
    const auto rules = rules_;
    const bool old = !is_recent(consumer_asked_, kRulesAge) && !is_recent(background_asked_, kRulesAge);
    lock.unlock();
    if (old) ask_in_background();
    return rules;
}

std::vector<std::string> Observation::subjects() {
    const std::scoped_lock lock(mutex_);
    return subjects_;
}

std::optional<ServerTime> Observation::stream_created() {
    const std::scoped_lock lock(mutex_);
    return created_;
}

void Observation::note(StreamInfo info, const Asked& asked) {
    const std::scoped_lock lock(mutex_);
    if (asked.at < stream_asked_.at) return;
    subjects_ = std::move(info.subjects);
    created_ = info.created;
    stream_asked_ = asked;
}

void Observation::note(const ConsumerInfo& info, const Asked& asked) {
    std::unique_lock lock(mutex_);
    if (asked.at < consumer_asked_.at) return;
    rules_ = {.ack_wait = info.ack_wait, .max_deliver = info.max_deliver};
    consumer_asked_ = asked;
    const bool paused = info.paused_until.has_value();
    const bool was_paused = std::exchange(paused_, paused);
    const bool had_backoff = std::exchange(has_backoff_, info.has_backoff);
    lock.unlock();
    if (paused && !was_paused) {
        log::warn("the consumer is paused: no jobs come until then", {{"until", *info.paused_until}});
    } else if (was_paused && !paused) {
        log::info("the consumer is not paused any more");
    }
    if (info.has_backoff && !had_backoff) {
        log::warn(
            "the consumer has a backoff, which decides when failed jobs come again, not BW_RETRY_DELAY");
    }
}

Observation::Stream Observation::stream_of(const Delivery& delivery) {
    const auto same = [&] { return is_in_stream(delivery, created_) ? Stream::kSame : Stream::kReplaced; };
    std::unique_lock lock(mutex_);
    if (is_recent({delivery.arrived, delivery.connection}, kMoment)) return Stream::kSame;
    if (is_recent(stream_asked_, kMoment)) return same();
    lock.unlock();
    const auto asked = now();
    auto answer = read_stream_info(connection_.api(stream_call()), names_);
    auto* info = std::get_if<StreamInfo>(&answer);
    if (info == nullptr) return Stream::kUnknown;
    note(std::move(*info), asked);
    lock.lock();
    return same();
}

// The same deliveries are extended again and again while JetStream does not answer: each stands here once.
void Observation::extend(const Delivery& delivery) {
    {
        const std::scoped_lock lock(heartbeat_mutex_);
        std::erase_if(to_extend_, [&](const Delivery& each) { return each.reply == delivery.reply; });
        to_extend_.push_back(delivery);
    }
    ask_in_background();
}

void Observation::stop_extending(const Delivery& delivery) {
    const std::scoped_lock lock(heartbeat_mutex_);
    std::erase_if(to_extend_, [&](const Delivery& each) { return each.reply == delivery.reply; });
}

// One question at a time: where answers take longer than the pause between two heartbeats, each new question
// would make the answer to the one before it worthless, and no heartbeat would ever be published.
void Observation::ask_in_background() {
    if (!connection_.is_connected()) return;
    std::unique_lock lock(mutex_);
    if (awaits_answer_ && is_recent(background_asked_, kPatience)) return;
    awaits_answer_ = true;
    background_asked_ = now();
    const std::string number = std::to_string(++background_);
    lock.unlock();  // libnats may wait for its own threads
    for (const auto& [what, call] : {std::pair{"consumer-", consumer_call()}, {"stream-", stream_call()}}) {
        natsConnection_PublishRequestString(connection_.get(), ("$JS.API." + call).c_str(),
                                            inbox_.subject(what + number).c_str(), "");
    }
}

// A change that makes jobs impossible is left to the next ask(), since only that one can throw.
void Observation::receive(std::string_view what, natsMsg* message) {
    std::unique_lock lock(mutex_);
    const auto asked = background_asked_;
    if (what.substr(what.find('-') + 1) != std::to_string(background_)) return;
    lock.unlock();
    const auto text = payload_of(message);
    if (what.starts_with("consumer-")) {
        const auto answer = read_consumer_info(text, names_);
        const auto* info = std::get_if<ConsumerInfo>(&answer);
        if (info != nullptr && !info->useless_because) note(*info, asked);
    } else {
        lock.lock();
        awaits_answer_ = false;  // the question for the consumer went first
        lock.unlock();
        auto answer = read_stream_info(text, names_);
        auto* info = std::get_if<StreamInfo>(&answer);
        if (info == nullptr || info->retention != kRetention) return;
        note(std::move(*info), asked);
        send_heartbeats();
    }
}

// Acknowledgements are published to the reply subject rather than made with natsMsg_InProgress and the like:
// these keep state in the natsMsg, which then cannot be shared between threads.
void Observation::send_heartbeats() {
    const auto created = stream_created();
    const std::scoped_lock lock(heartbeat_mutex_);
    for (const auto& delivery : std::exchange(to_extend_, {})) {
        if (!is_in_stream(delivery, created)) continue;
        natsConnection_PublishString(connection_.get(), delivery.reply.c_str(), "+WPI");
    }
}

}  // namespace bw
