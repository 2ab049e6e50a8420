#include "pulls.hpp"

#include <string_view>
#include <utility>

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
    delivery.payload.assign(natsMsg_GetData(message),
                            static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    delivery.reply = reply;
    delivery.sequence = subject->sequence;
    delivery.deliveries = subject->deliveries;
    delivery.stored = subject->stored;
    delivery.arrived = steady_clock::now();
    return delivery;
}

std::string header(natsMsg* message, const char* name) {
    const char* value = nullptr;
    return natsMsgHeader_Get(message, name, &value) == NATS_OK && value != nullptr ? value : "";
}

}  // namespace

Pulls::Pulls(Connection& connection, const QueueNames& names)
    : connection_(connection),
      request_("$JS.API.CONSUMER.MSG.NEXT." + names.stream + "." + names.consumer),
      inbox_(connection, [this](std::string_view pull, natsMsg* message) { receive(pull, message); }) {}

void Pulls::receive(std::string_view pull, natsMsg* message) {
    auto delivery = delivery_of(message);
    const std::string status = delivery ? "" : header(message, "Status");
    const std::scoped_lock lock(mutex_);
    if (delivery) {
        delivery->connection = connection_of_pull_;
        delivery->stream_created = stream_created_;
        deliveries_.push_back(*std::move(delivery));
    } else if (pull == std::to_string(pull_)) {
        result_.emplace();
        const bool nothing = status == "404" || status == "408";
        if (!nothing) result_->refusal = status + " " + header(message, "Description");
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
