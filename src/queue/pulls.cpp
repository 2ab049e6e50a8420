#include "pulls.hpp"

#include <array>
#include <charconv>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "bw/base/error.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

// The server says that a pull has expired; if it says nothing it is not there.
constexpr milliseconds kSilence{250};
constexpr std::chrono::seconds kEnd{5};

// Nobody else's, and not to be guessed: what comes to it is taken for the server's word.
std::string new_inbox() {
    std::random_device random;
    std::string inbox = std::string(kInboxPrefix) + ".";
    for (int i = 0; i < 4; ++i) inbox += std::to_string(random()) + "-";
    return inbox + ".";
}

std::vector<std::string_view> tokens_of(std::string_view subject) {
    std::vector<std::string_view> tokens;
    for (auto dot = subject.find('.'); dot != subject.npos; dot = subject.find('.')) {
        tokens.push_back(subject.substr(0, dot));
        subject.remove_prefix(dot + 1);
    }
    tokens.push_back(subject);
    return tokens;
}

bool read(std::string_view text, std::uint64_t& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

// A job has a reply subject that only the server gives,
//   $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>
// or with <domain>.<account> before the stream (nats-server's ADR-15). Whatever else it holds, it is a job.
std::optional<Delivery> delivery_of(natsMsg* message) {
    constexpr std::size_t kShort = 9;
    constexpr std::size_t kInserted = 2;
    const char* reply = natsMsg_GetReply(message);
    if (reply == nullptr) return std::nullopt;
    const auto tokens = tokens_of(reply);
    if (tokens.size() < kShort || tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
    const std::size_t inserted = tokens.size() > kShort ? kInserted : 0;
    if (tokens.size() < kShort + inserted) return std::nullopt;
    Delivery delivery;
    if (!read(tokens[4 + inserted], delivery.deliveries) || !read(tokens[5 + inserted], delivery.sequence)) {
        return std::nullopt;
    }
    delivery.payload.assign(natsMsg_GetData(message),
                            static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    delivery.reply = reply;
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
      inbox_(new_inbox()) {
    natsSubscription* raw = nullptr;
    const std::string all = inbox_ + "*";
    const auto status = natsConnection_Subscribe(&raw, connection_.get(), all.c_str(), on_message, this);
    subscription_.reset(raw);
    if (status != NATS_OK || natsSubscription_SetOnCompleteCB(raw, on_end, this) != NATS_OK) {
        throw Error(ErrorKind::kQueue, request_, "libnats cannot subscribe: " + last_libnats_error(status));
    }
}

// libnats's thread may be in on_message().
Pulls::~Pulls() {
    natsSubscription_Unsubscribe(subscription_.get());
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kEnd, [this] { return ended_; });
}

void Pulls::on_end(void* self) {
    auto& pulls = *static_cast<Pulls*>(self);
    const std::scoped_lock lock(pulls.mutex_);
    pulls.ended_ = true;
    pulls.changed_.notify_all();
}

void Pulls::on_message(natsConnection*, natsSubscription*, natsMsg* raw, void* self) {
    const MessagePtr message(raw);
    auto& pulls = *static_cast<Pulls*>(self);
    auto delivery = delivery_of(raw);
    const std::string status = delivery ? "" : header(raw, "Status");
    const std::scoped_lock lock(pulls.mutex_);
    if (delivery) {
        delivery->connection = pulls.connection_of_pull_;
        pulls.deliveries_.push_back(*std::move(delivery));
    } else if (natsMsg_GetSubject(raw) == pulls.inbox_ + std::to_string(pulls.pull_)) {
        pulls.answer_.emplace();
        const bool nothing = status == "404" || status == "408";
        if (!nothing) pulls.answer_->refusal = status + " " + header(raw, "Description");
    }
    pulls.changed_.notify_all();
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

Pulls::Answer Pulls::next(milliseconds expiry) {
    std::unique_lock lock(mutex_);
    if (auto delivery = take()) return {std::move(delivery), std::nullopt};
    answer_.reset();
    const std::string reply = inbox_ + std::to_string(++pull_);
    connection_of_pull_ = connection_.number();
    lock.unlock();  // libnats may wait for its own threads
    const std::string body =
        R"({"batch":1,"expires":)" + std::to_string(std::chrono::nanoseconds(expiry).count()) + "}";
    const auto status =
        natsConnection_PublishRequestString(connection_.get(), request_.c_str(), reply.c_str(), body.c_str());
    if (status != NATS_OK) return {std::nullopt, last_libnats_error(status)};
    lock.lock();
    changed_.wait_for(lock, expiry + kSilence, [this] { return answer_ || !deliveries_.empty(); });
    if (auto delivery = take()) return {std::move(delivery), std::nullopt};
    return answer_.value_or(Answer{});
}

}  // namespace bw
