#include "inbox.hpp"

#include <random>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/thread.hpp"

namespace bw {
namespace {

constexpr std::chrono::seconds kLongestEnd{5};

}  // namespace

std::string new_inbox() {
    std::random_device random;
    std::string prefix = std::string(kInboxPrefix) + ".";
    for (int i = 0; i < 4; ++i) prefix += std::to_string(random()) + "-";
    return prefix + ".";
}

Inbox::Inbox(Connection& connection, Handler handler) : prefix_(new_inbox()), handler_(std::move(handler)) {
    natsSubscription* raw = nullptr;
    const auto status =
        natsConnection_Subscribe(&raw, connection.get(), subject("*").c_str(), on_message, this);
    subscription_.reset(raw);
    if (status != NATS_OK || natsSubscription_SetOnCompleteCB(raw, on_end, this) != NATS_OK) {
        throw Error(ErrorKind::kQueue, prefix_, "libnats cannot subscribe: " + last_libnats_error(status));
    }
}

// A thread of libnats may be in on_message().
Inbox::~Inbox() {
    natsSubscription_Unsubscribe(subscription_.get());
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLongestEnd, [this] { return ended_; });
}

void Inbox::on_end(void* self) {
    auto& inbox = *static_cast<Inbox*>(self);
    run_or_exit([&inbox] {
        const std::scoped_lock lock(inbox.mutex_);
        inbox.ended_ = true;
        inbox.changed_.notify_all();
    });
}

void Inbox::on_message(natsConnection*, natsSubscription*, natsMsg* raw, void* self) {
    const MessagePtr message(raw);
    const auto& inbox = *static_cast<Inbox*>(self);
    const std::string_view subject = natsMsg_GetSubject(raw);
    // A job that the server sends here keeps the subject that it was published to.
    const bool ours = subject.starts_with(inbox.prefix_);
    run_or_exit(
        [&] { inbox.handler_(ours ? subject.substr(inbox.prefix_.size()) : std::string_view(), raw); });
}

}  // namespace bw
