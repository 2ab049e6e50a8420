#include <atomic>
#include <mutex>
#include <random>
#include <utility>

#include "answers.hpp"
#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/protocol.hpp"
#include "connection.hpp"
#include "message.hpp"
#include "observation.hpp"
#include "pulls.hpp"
#include "results.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A stream or consumer that was deleted shows as pulls without an answer (nats-server 2.9) or with a wrong
// one (2.10).
constexpr int kEmptyFetchesBeforeCheck = 10;
constexpr milliseconds kPauseAfterFailedFetch{1000};
constexpr int kRefusalsInARowThatCount = 10;
constexpr milliseconds kFlushTimeout{2000};
constexpr milliseconds kAckTimeout{2000};
constexpr int kAckTries = 5;
constexpr milliseconds kRecordTimeout{2000};
// A worker that failed ends soon, with or without a record.
constexpr milliseconds kFailureTimeout{1000};
// A server that is still starting JetStream answers at once that nobody is there.
constexpr milliseconds kPauseAfterFailedAck{200};

// The jitter keeps many workers from coming back at the same time.
milliseconds with_jitter(milliseconds pause) {
    thread_local std::minstd_rand random(std::random_device{}());
    return pause / 2 + milliseconds(std::uniform_int_distribution<std::int64_t>(0, pause.count())(random));
}

class JetStreamQueue : public WorkQueue {
  public:
    JetStreamQueue(Connection& connection, QueueNames names)
        : connection_(connection),
          names_(std::move(names)),
          observation_(connection_, names_),
          answers_(connection_),
          results_(connection_, answers_, names_) {}

    // It returns false if `stop` came first.
    bool bind(milliseconds timeout, const std::stop_token& stop);

    DeliveryRules rules() override { return observation_.rules(); }
    std::optional<Delivery> fetch(const std::stop_token& stop) override;
    std::optional<Delivery> fetch_late() override;
    void check_advisory(const std::string& subject) override;
    void extend(const Delivery& delivery) override;
    Settlement settle(const Delivery& delivery, const std::optional<Advisory>& advisory, const Record& record,
                      const std::stop_token& stop) override;
    void give_back(const Delivery& delivery, const Record& record,
                   std::optional<milliseconds> delay) override;

  private:
    // What of a job's success has left, and on which connection, by its number.
    struct Told {
        std::uint64_t advisory_on = 0;  // the number of no connection
        std::uint64_t all_on = 0;
        std::optional<std::string> problem{};  // of the results stream with the record
    };

    [[noreturn]] void refuse(const std::string& what, ErrorKind kind = ErrorKind::kQueue) const {
        throw Error(kind, names_.stream + " > " + names_.consumer, what);
    }

    void refuse_if_not_permitted();
    void note_answer(bool answered);
    void refresh();
    void handle_empty_pull(const std::optional<std::string>& refusal, const std::stop_token& stop);
    void wait_for_room(const std::stop_token& stop);
    bool publish(const Advisory& advisory, const Delivery& delivery);
    bool flush();
    bool tell(const Delivery& delivery, const std::optional<Advisory>& advisory, const Record& record,
              Told& told);
    void refuse_if_message_refused(const std::optional<Advisory>& advisory, const Record& record);
    bool acknowledge(const Delivery& delivery);

    Connection& connection_;
    const QueueNames names_;
    Observation observation_;
    Answers answers_;
    Results results_;
    std::optional<Pulls> pulls_;
    std::atomic<bool> answering_ = true;

    std::mutex fetch_mutex_;  // held by whoever fetches; guards all that follow
    int empty_fetches_ = 0;
    int refusals_in_a_row_ = 0;
    bool said_full_ = false;
};

// The server does not answer a request that it does not permit; it sends an error beside.
void JetStreamQueue::refuse_if_not_permitted() {
    if (!connection_.refused_permission()) return;
    refuse("the NATS server refuses: " + connection_.refusal().value_or("no reason given"));
}

bool JetStreamQueue::bind(milliseconds timeout, const std::stop_token& stop) {
    const auto deadline = steady_clock::now() + timeout;
    bool said_problem = false;
    while (!observation_.ask() || !results_.find()) {
        refuse_if_not_permitted();
        const auto& problem = results_.problem();
        if (problem && steady_clock::now() >= deadline) {
            throw Error(ErrorKind::kQueue, names_.results,
                        "the results stream took no record within BW_CONNECT_TIMEOUT: " + *problem);
        }
        if (steady_clock::now() >= deadline) {
            refuse("JetStream did not answer within BW_CONNECT_TIMEOUT: " +
                   connection_.refusal().value_or("is it switched on (nats-server -js), and may we ask it?"));
        }
        if (!problem) {
            note_answer(false);
        } else if (!std::exchange(said_problem, true)) {
            log::warn("the results stream takes no records, so no job is fetched", {{"reason", *problem}});
        }
        if (stopped_within(kPauseAfterFailedFetch, stop)) return false;
    }
    note_answer(true);
    pulls_.emplace(connection_, names_);
    return true;
}

void JetStreamQueue::note_answer(bool answered) {
    if (answering_.exchange(answered) == answered) return;
    if (answered) {
        log::info("JetStream answers again");
    } else {
        log::warn("JetStream does not answer");
    }
}

// Pulls only while the server answers: one that is made while the connection is lost, or while the network
// stands still, is sent later with all the others, and their messages would then wait here.
std::optional<Delivery> JetStreamQueue::fetch(const std::stop_token& stop) {
    const std::scoped_lock lock(fetch_mutex_);
    if (!connection_.wait_until_connected(stop, kPullExpiry)) return std::nullopt;
    if (empty_fetches_ > 0 && !flush()) return std::nullopt;
    auto pull = pulls_->next(observation_.stream_created());
    if (pull.delivery) {
        empty_fetches_ = refusals_in_a_row_ = 0;
        note_answer(true);
        refresh();
    } else {
        ++empty_fetches_;
        handle_empty_pull(pull.refusal, stop);
    }
    return std::move(pull.delivery);
}

// Somebody may have changed stream or consumer while nothing came. Where jobs are impossible now, this throws
// and leaves the delivery to ack wait: a NAK would hand it to the next idle worker, and a few of them would
// use up all of its deliveries.
void JetStreamQueue::refresh() {
    if (!observation_.is_fresh(kRulesAge)) note_answer(observation_.ask());
}

// A pull without a message means most often that there are no jobs.
void JetStreamQueue::handle_empty_pull(const std::optional<std::string>& refusal,
                                       const std::stop_token& stop) {
    if (!connection_.is_connected()) return;
    refuse_if_not_permitted();
    if (!refusal) refusals_in_a_row_ = 0;
    if (refusal && refusal->find("Exceeded MaxWaiting") != refusal->npos) return wait_for_room(stop);
    if (!refusal && empty_fetches_ % kEmptyFetchesBeforeCheck != 0) return;
    const bool answered = observation_.ask();
    if (!connection_.is_connected()) return;
    note_answer(answered);
    if (!refusal) return;
    if (answered && ++refusals_in_a_row_ >= kRefusalsInARowThatCount)
        refuse("pulls are refused: " + *refusal);
    stopped_within(kPauseAfterFailedFetch, stop);
}

// The consumer holds as many pulls as its max_waiting allows. They are of workers without a job, so none is
// missing here; one of them ends every second or with every job.
void JetStreamQueue::wait_for_room(const std::stop_token& stop) {
    refusals_in_a_row_ = 0;
    if (!std::exchange(said_full_, true)) {
        log::info("more idle workers than the consumer's max_waiting allows, so this one waits for its turn");
    }
    stopped_within(with_jitter(kPauseAfterFailedFetch), stop);
}

// The last pull has expired, so once the server has answered a ping nothing more can come.
std::optional<Delivery> JetStreamQueue::fetch_late() {
    if (!connection_.is_connected()) return std::nullopt;
    flush();
    return pulls_->late();
}

void JetStreamQueue::check_advisory(const std::string& subject) {
    // Without an answer the subjects that are known still count.
    if (!observation_.is_fresh(kRulesAge) && !observation_.ask()) refuse_if_not_permitted();
    if (subject.starts_with(std::string(kInboxPrefix) + ".")) {
        throw Error(ErrorKind::kJob, subject, "the advisory would go to an inbox of bw itself");
    }
    if (results_.takes(subject)) {
        throw Error(ErrorKind::kJob, subject, "the advisory would pass for a record of the results stream");
    }
    for (const auto& pattern : observation_.subjects()) {
        if (!matches(pattern, subject)) continue;
        throw Error(ErrorKind::kJob, subject,
                    "the advisory would go into the stream " + names_.stream + ", which takes " + pattern);
    }
}

void JetStreamQueue::extend(const Delivery& delivery) { observation_.extend(delivery); }

// Whether the server has taken all that was published before.
bool JetStreamQueue::flush() {
    return natsConnection_FlushTimeout(connection_.get(), kFlushTimeout.count()) == NATS_OK;
}

bool JetStreamQueue::publish(const Advisory& advisory, const Delivery& delivery) {
    const auto headers = headers_of(delivery.trace);
    if (headers.empty()) {
        // libnats wakes a thread of its own to free a message of ours, which a job without a trace need not
        // pay for.
        return natsConnection_Publish(connection_.get(), advisory.subject.c_str(), advisory.body.data(),
                                      static_cast<int>(advisory.body.size())) == NATS_OK;
    }
    const auto message = make_message(advisory.subject, advisory.body, headers);
    return natsConnection_PublishMsg(connection_.get(), message.get()) == NATS_OK;
}

// It returns true when the server has taken the advisory, and the results stream the record. A server takes
// the messages of a connection in their order, so the answer to the record proves the advisory too.
bool JetStreamQueue::tell(const Delivery& delivery, const std::optional<Advisory>& advisory,
                          const Record& record, Told& told) {
    const auto number = connection_.number();
    if (told.all_on == number) return true;
    if (advisory && told.advisory_on != number) {
        if (!publish(*advisory, delivery)) return false;
        told.advisory_on = number;
    }
    if (results_.is_there()) {
        told.problem = results_.store(record, delivery.trace, kRecordTimeout);
        if (told.problem) refuse_if_message_refused(advisory, record);
        if (told.problem) return false;
    } else if (advisory && !flush()) {
        return false;
    }
    refuse_if_message_refused(advisory, record);
    told.all_on = number;
    return true;
}

// A refusal comes before the answer to what was published after it.
void JetStreamQueue::refuse_if_message_refused(const std::optional<Advisory>& advisory,
                                               const Record& record) {
    if (!connection_.refused_permission()) return;
    if (!advisory || connection_.refused(record_subject(names_, record.outcome, record.sequence))) {
        refuse_if_not_permitted();
    }
    // The subject is the job's choice, and not one for it.
    throw Error(ErrorKind::kJob, advisory->subject,
                "the NATS server refuses the advisory: " + connection_.refusal().value_or("no reason given"));
}

bool JetStreamQueue::acknowledge(const Delivery& delivery) {
    MessagePtr answer;
    const auto send = [&](const std::string& reply) {
        return natsConnection_PublishRequestString(connection_.get(), delivery.reply.c_str(), reply.c_str(),
                                                   "+ACK");
    };
    return answers_.ask(send, kAckTimeout, answer) == NATS_OK;
}

Settlement JetStreamQueue::settle(const Delivery& delivery, const std::optional<Advisory>& advisory,
                                  const Record& record, const std::stop_token& stop) {
    Told told;
    for (int tries = 0; tries < kAckTries; ++tries) {
        if (!connection_.wait_until_connected(stop)) break;
        const auto number = connection_.number();
        if (tell(delivery, advisory, record, told)) {
            const auto stream = observation_.stream_of(delivery);
            if (stream == Observation::Stream::kReplaced) return Settlement::kStreamReplaced;
            if (stream == Observation::Stream::kSame && acknowledge(delivery) &&
                connection_.number() == number)
                return Settlement::kAcknowledged;
        }
        refuse_if_not_permitted();
        // A try that the connection did not live through does not count.
        if (connection_.number() != number || !connection_.is_connected()) --tries;
        if (stopped_within(kPauseAfterFailedAck, stop)) break;
    }
    if (stop.stop_requested()) {
        refuse("stopped before the server answered the acknowledgement", ErrorKind::kStopped);
    }
    if (told.problem) {
        throw Error(ErrorKind::kQueue, names_.results,
                    "the results stream does not take the record: " + *told.problem +
                        "; the output is there, the job comes again");
    }
    if (connection_.number() != delivery.connection) return Settlement::kForgotten;
    refuse("the server does not answer the acknowledgement; the output is there, the job comes again");
}

void JetStreamQueue::give_back(const Delivery& delivery, const Record& record,
                               std::optional<milliseconds> delay) {
    observation_.stop_extending(delivery);
    if (!connection_.is_connected()) return;
    try {
        results_.store(record, delivery.trace, kFailureTimeout);
    } catch (const std::exception&) {
        // There may be no memory left for it. The job comes again all the same, and the log has the reason.
    }
    if (!delay || observation_.stream_of(delivery) != Observation::Stream::kSame) return;
    natsConnection_PublishString(connection_.get(), delivery.reply.c_str(),
                                 negative_acknowledgement(*delay).c_str());
    flush();
}

}  // namespace

std::unique_ptr<WorkQueue> bind_work_queue(Connection& connection, const QueueNames& names,
                                           milliseconds timeout, const std::stop_token& stop) {
    auto queue = std::make_unique<JetStreamQueue>(connection, names);
    if (!queue->bind(timeout, stop)) return nullptr;
    return queue;
}

}  // namespace bw
