#include "pulls.hpp"

#include <string_view>
#include <utility>

#include "message.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The server says that a pull has expired; if it says nothing it is not there.
constexpr milliseconds kSilence{250};

// A message with a reply subject that only the server makes is a job, whatever else it holds.
std::optional<Delivery> delivery_of(natsMsg* message) {
    const char* reply = natsMsg_GetReply(message);
    if (reply == nullptr) return std::nullopt;
    const auto subject = read_acknowledgement_subject(reply);
    if (!subject) return std::nullopt;
    Delivery delivery;
    delivery.payload = payload_of(message);
    delivery.reply = reply;
    delivery.sequence = subject->sequence;
    delivery.deliveries = subject->deliveries;
    delivery.stored = subject->stored;
    delivery.arrived = steady_clock::now();
    delivery.trace = read_trace(header_of(message, kTraceParent), header_of(message, kTraceState));
    return delivery;
}

}  // namespace

Pulls::Pulls(Connection& connection, const QueueNames& names)
    : connection_(connection),
      request_("$JS.API.CONSUMER.MSG.NEXT." + names.stream + "." + names.consumer),
      inbox_(connection, [this](std::string_view pull, natsMsg* message) { receive(pull, message); }) {}

void Pulls::receive(std::string_view pull, natsMsg* message) {
    auto delivery = delivery_of(message);
    const std::string status = delivery ? "" : header_of(message, "Status");
    const std::scoped_lock lock(mutex_);
    if (delivery) {
        delivery->connection = connection_of_pull_;
        delivery->stream_created = stream_created_;
        deliveries_.push_back(*std::move(delivery));
    } else if (pull == std::to_string(pull_)) {
        result_.emplace();
        const bool nothing = status == "404" || status == "408";
        if (!nothing) result_->refusal = status + " " + header_of(message, "Description");
    }
    changed_.notify_all();
}

std::optional<Delivery> Pulls::take() {
    if (deliveries_.empty()) return std::nullopt;
    auto first = std::move(deliveries_.front());
    deliveries_.pop_front();
    return first;
}

std::optional<Delivery> Pulls::late() {
    const std::scoped_lock lock(mutex_);
    return take();
}

Pulls::Result Pulls::next(std::optional<ServerTime> stream_created) {
    std::unique_lock lock(mutex_);
    if (auto delivery = take()) return {std::move(delivery), std::nullopt};
    result_.reset();
    const std::string reply = inbox_.subject(std::to_string(++pull_));
    connection_of_pull_ = connection_.number();
    stream_created_ = stream_created;
    lock.unlock();  // libnats may wait for its own threads
    const auto status = natsConnection_PublishRequestString(connection_.get(), request_.c_str(),
                                                            reply.c_str(), pull_request().c_str());
    if (status != NATS_OK) return {std::nullopt, last_libnats_error(status)};
    lock.lock();
    changed_.wait_for(lock, kPullExpiry + kSilence, [this] { return result_ || !deliveries_.empty(); });
    if (auto delivery = take()) return {std::move(delivery), std::nullopt};
    return result_.value_or(Result{});
}

}  // namespace bw
