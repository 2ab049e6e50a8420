#include <mutex>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/protocol.hpp"
#include "connection.hpp"
#include "pulls.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a pull may wait. Short, since the last one must have expired before we end: whatever way there is
// to cancel a pull, the server may just have answered it, and that message would be stranded until ack wait.
constexpr milliseconds kFetchExpiry{1000};
// A stream or consumer that was deleted shows as pulls without an answer (nats-server 2.9) or with a wrong
// one (2.10).
constexpr int kEmptyFetchesBeforeCheck = 10;
constexpr milliseconds kPauseAfterFailedFetch{1000};
// Such as by a consumer whose max_expires is shorter than ours.
constexpr int kRefusedFetchesThatCount = 10;
constexpr milliseconds kFlushTimeout{2000};
constexpr milliseconds kAckTimeout{2000};
constexpr int kAckTries = 5;
// A server that is still starting JetStream answers at once that nobody is there.
constexpr milliseconds kPauseAfterFailedAck{200};

class JetStreamQueue : public WorkQueue {
  public:
    JetStreamQueue(Connection& connection, QueueNames names)
        : connection_(connection), names_(std::move(names)) {}

    // False if `stop` came first.
    bool bind(milliseconds timeout, const std::stop_token& stop);

    DeliveryRules rules() override;
    std::optional<Delivery> fetch(const std::stop_token& stop) override;
    std::optional<Delivery> fetch_late() override;
    void check_advisory(const std::string& subject) override;
    void extend(const Delivery& delivery) override;
    Settlement settle(const Delivery& delivery, const std::optional<Advisory>& advisory,
                      const std::stop_token& stop) override;
    void give_back(const Delivery& delivery, const Error& failure, milliseconds delay) override;

  private:
    [[noreturn]] void refuse(const std::string& what, ErrorKind kind = ErrorKind::kQueue) const {
        throw Error(kind, names_.stream + " > " + names_.consumer, what);
    }

    void refuse_if_not_permitted();
    std::optional<nlohmann::json> configuration(const std::string& info_call);
    bool check_consumer();
    bool learn_subjects();
    void note_answer(bool answered);
    void look_into(const std::optional<std::string>& refusal, const std::stop_token& stop);
    bool publish(const Advisory& advisory);
    bool acknowledge(const Delivery& delivery);

    Connection& connection_;
    const QueueNames names_;
    std::optional<Pulls> pulls_;

    std::mutex fetch_mutex_;  // held by whoever fetches; guards the two counts
    int empty_fetches_ = 0;
    int refused_fetches_ = 0;

    std::mutex mutex_;  // guards all that follow; held for moments only
    DeliveryRules rules_;
    std::vector<std::string> subjects_;  // that the stream takes
    std::uint64_t learned_on_ = 0;       // the number of no connection
    bool answering_ = true;
};

// What the server does not permit it does not answer; it complains beside.
void JetStreamQueue::refuse_if_not_permitted() {
    if (!connection_.refused_permission()) return;
    refuse("the NATS server refuses: " + connection_.refusal().value_or("no reason given"));
}

// Of the stream or the consumer. Nothing if JetStream did not answer; throws where there is no such thing.
std::optional<nlohmann::json> JetStreamQueue::configuration(const std::string& info_call) {
    const auto answer = connection_.api(info_call);
    if (!answer) return std::nullopt;
    if (const int code = api_error_code(*answer); code == kStreamNotFound || code == kConsumerNotFound) {
        refuse(api_error_text(*answer) + "; `bw setup` creates the stream and the consumer");
    } else if (code != 0) {
        return std::nullopt;
    }
    return answer->value("config", nlohmann::json::object());
}

// Learns the consumer's rules; false if JetStream did not answer.
bool JetStreamQueue::check_consumer() {
    const auto config = configuration("CONSUMER.INFO." + names_.stream + "." + names_.consumer);
    if (!config) return false;
    if (config->value("deliver_subject", "") != "") {
        refuse("the consumer is a push consumer, a pull consumer is right; `bw setup` says what differs");
    }
    if (config->value("ack_policy", "") != "explicit") {
        refuse("the consumer's ack_policy is not explicit; `bw setup` says what differs");
    }
    const std::chrono::nanoseconds ack_wait(config->value("ack_wait", std::int64_t{30'000'000'000}));
    const std::scoped_lock lock(mutex_);
    rules_ = {.ack_wait = std::chrono::duration_cast<milliseconds>(ack_wait),
              .max_deliver = config->value("max_deliver", std::int64_t{-1})};
    return true;
}

// False if JetStream did not answer.
bool JetStreamQueue::learn_subjects() {
    const auto number = connection_.number();
    const auto config = configuration("STREAM.INFO." + names_.stream);
    if (!config) return false;
    const std::scoped_lock lock(mutex_);
    subjects_ = config->value("subjects", std::vector<std::string>());  // a mirror has none
    learned_on_ = number;
    return true;
}

bool JetStreamQueue::bind(milliseconds timeout, const std::stop_token& stop) {
    const auto deadline = steady_clock::now() + timeout;
    while (!check_consumer() || !learn_subjects()) {
        refuse_if_not_permitted();
        if (steady_clock::now() >= deadline) {
            refuse("JetStream did not answer within BW_CONNECT_TIMEOUT: " +
                   connection_.refusal().value_or("is it switched on (nats-server -js), and may we ask it?"));
        }
        note_answer(false);
        if (stopped_within(kPauseAfterFailedFetch, stop)) return false;
    }
    note_answer(true);
    pulls_.emplace(connection_, names_);
    return true;
}

void JetStreamQueue::note_answer(bool answered) {
    {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(answering_, answered) == answered) return;
    }
    if (answered) {
        log::info("JetStream answers again");
    } else {
        log::warn("JetStream does not answer");
    }
}

DeliveryRules JetStreamQueue::rules() {
    const std::scoped_lock lock(mutex_);
    return rules_;
}

// Pulls only while the server answers: one that is made while the connection is lost, or while the network
// stands still, is sent later with all the others, and their messages would then wait here.
std::optional<Delivery> JetStreamQueue::fetch(const std::stop_token& stop) {
    const std::scoped_lock lock(fetch_mutex_);
    if (!connection_.wait_until_connected(stop, kFetchExpiry)) return std::nullopt;
    if (empty_fetches_ > 0 &&
        natsConnection_FlushTimeout(connection_.get(), kFlushTimeout.count()) != NATS_OK) {
        return std::nullopt;
    }
    auto answer = pulls_->next(kFetchExpiry);
    if (answer.delivery) {
        empty_fetches_ = refused_fetches_ = 0;
        note_answer(true);
    } else {
        ++empty_fetches_;
        look_into(answer.refusal, stop);
    }
    return std::move(answer.delivery);
}

// What a pull without a message may mean: most often nothing.
void JetStreamQueue::look_into(const std::optional<std::string>& refusal, const std::stop_token& stop) {
    if (!connection_.is_connected()) return;
    refuse_if_not_permitted();
    if (!refusal && empty_fetches_ % kEmptyFetchesBeforeCheck != 0) return;
    const bool answered = check_consumer();
    if (!connection_.is_connected()) return;
    note_answer(answered);
    if (!refusal) return;
    if (answered && ++refused_fetches_ >= kRefusedFetchesThatCount) refuse("pulls are refused: " + *refusal);
    stopped_within(kPauseAfterFailedFetch, stop);
}

// The last pull has expired, so once the server has answered a ping nothing more can come.
std::optional<Delivery> JetStreamQueue::fetch_late() {
    if (!connection_.is_connected()) return std::nullopt;
    natsConnection_FlushTimeout(connection_.get(), kFlushTimeout.count());
    return pulls_->late();
}

void JetStreamQueue::check_advisory(const std::string& subject) {
    // An operator may have changed the stream while we were away; without an answer what we know stands.
    std::unique_lock lock(mutex_);
    if (connection_.number() != learned_on_) {
        lock.unlock();
        if (!learn_subjects()) refuse_if_not_permitted();
        lock.lock();
    }
    if (subject.starts_with(std::string(kInboxPrefix) + ".")) {
        throw Error(ErrorKind::kJob, subject, "the advisory would go to an inbox of bw itself");
    }
    for (const auto& pattern : subjects_) {
        if (!matches(pattern, subject)) continue;
        throw Error(ErrorKind::kJob, subject,
                    "the advisory would go into the stream " + names_.stream + ", which takes " + pattern);
    }
}

// Acknowledgements are published to the reply subject rather than made with natsMsg_InProgress and the like:
// these keep state in the natsMsg, which then cannot be shared between the threads of worker and heartbeat.
void JetStreamQueue::extend(const Delivery& delivery) {
    if (!connection_.is_connected()) return;
    natsConnection_PublishString(connection_.get(), delivery.reply.c_str(), "+WPI");
}

// True when the server has taken it.
bool JetStreamQueue::publish(const Advisory& advisory) {
    const auto size = static_cast<int>(advisory.body.size());
    auto status =
        natsConnection_Publish(connection_.get(), advisory.subject.c_str(), advisory.body.data(), size);
    if (status == NATS_OK) status = natsConnection_FlushTimeout(connection_.get(), kFlushTimeout.count());
    // A refusal comes before the answer to the flush. The subject is the job's choice, and not one for it.
    if (connection_.refused_permission()) {
        throw Error(
            ErrorKind::kJob, advisory.subject,
            "the NATS server refuses the advisory: " + connection_.refusal().value_or("no reason given"));
    }
    return status == NATS_OK;
}

bool JetStreamQueue::acknowledge(const Delivery& delivery) {
    natsMsg* raw = nullptr;
    const auto status = natsConnection_RequestString(&raw, connection_.get(), delivery.reply.c_str(), "+ACK",
                                                     kAckTimeout.count());
    const MessagePtr answer(raw);
    return status == NATS_OK;
}

Settlement JetStreamQueue::settle(const Delivery& delivery, const std::optional<Advisory>& advisory,
                                  const std::stop_token& stop) {
    std::uint64_t advised_on = 0;  // the number of no connection
    for (int tries = 0; tries < kAckTries; ++tries) {
        if (!connection_.wait_until_connected(stop)) break;
        const auto number = connection_.number();
        if (!advisory || advised_on == number || publish(*advisory)) {
            advised_on = number;
            if (acknowledge(delivery) && connection_.number() == number) return Settlement::kAcknowledged;
        }
        refuse_if_not_permitted();
        // A try that the connection did not live through does not count.
        if (connection_.number() != number || !connection_.is_connected()) --tries;
        if (stopped_within(kPauseAfterFailedAck, stop)) break;
    }
    if (stop.stop_requested()) {
        refuse("stopped before the server answered the acknowledgement", ErrorKind::kStopped);
    }
    if (connection_.number() != delivery.connection) return Settlement::kForgotten;
    refuse("the server does not answer the acknowledgement; the output is there, the job comes again");
}

void JetStreamQueue::give_back(const Delivery& delivery, const Error&, milliseconds delay) {
    if (!connection_.is_connected()) return;
    std::string nak = "-NAK";
    if (delay > milliseconds(0)) {
        nak += R"( {"delay": )" + std::to_string(std::chrono::nanoseconds(delay).count()) + "}";
    }
    natsConnection_PublishString(connection_.get(), delivery.reply.c_str(), nak.c_str());
    natsConnection_FlushTimeout(connection_.get(), kFlushTimeout.count());
}

}  // namespace

std::unique_ptr<WorkQueue> bind_work_queue(Connection& connection, const QueueNames& names,
                                           milliseconds timeout, const std::stop_token& stop) {
    auto queue = std::make_unique<JetStreamQueue>(connection, names);
    if (!queue->bind(timeout, stop)) return nullptr;
    return queue;
}

}  // namespace bw
