#include "answers.hpp"

#include <algorithm>
#include <utility>

#include "inbox.hpp"
#include "message.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How soon a lost connection is noticed.
constexpr milliseconds kGlance{100};

constexpr std::string_view kNoResponders = "503";

}  // namespace

natsStatus Answers::ask(const Send& send, milliseconds timeout, MessagePtr& answer) {
    Way way;
    if (const auto status = take(way); status != NATS_OK) return status;
    const std::string reply = way.prefix + std::to_string(++way.number);
    auto status = send(reply);
    if (status == NATS_OK) status = wait(way, reply, timeout, answer);
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(way));
    return status;
}

natsStatus Answers::take(Way& way) {
    std::unique_lock lock(mutex_);
    if (!idle_.empty()) {
        way = std::move(idle_.back());
        idle_.pop_back();
        return NATS_OK;
    }
    lock.unlock();
    way.prefix = new_inbox();
    natsSubscription* raw = nullptr;
    const auto status = natsConnection_SubscribeSync(&raw, connection_.get(), (way.prefix + "*").c_str());
    way.subscription.reset(raw);
    return status;
}

natsStatus Answers::wait(const Way& way, const std::string& reply, milliseconds timeout,
                         MessagePtr& answer) const {
    const auto number = connection_.number();
    const auto deadline = steady_clock::now() + timeout;
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        if (left <= milliseconds(0)) return NATS_TIMEOUT;
        natsMsg* raw = nullptr;
        const auto status =
            natsSubscription_NextMsg(&raw, way.subscription.get(), std::min(left, kGlance).count());
        MessagePtr message(raw);
        if (status == NATS_OK && reply == natsMsg_GetSubject(raw)) {
            answer = std::move(message);
            const bool empty = payload_of(raw).empty();
            return empty && header_of(raw, "Status") == kNoResponders ? NATS_NO_RESPONDERS : NATS_OK;
        }
        if (status == NATS_NO_RESPONDERS) return status;
        if (status != NATS_OK && status != NATS_TIMEOUT) return status;
        if (connection_.number() != number || !connection_.is_connected())
            return NATS_CONNECTION_DISCONNECTED;
    }
}

}  // namespace bw
