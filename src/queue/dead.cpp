#include "bw/queue/dead.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "bw/base/error.hpp"
#include "connection.hpp"
#include "questions.hpp"

namespace bw {
namespace {

// What the results stream says of the jobs, beside each other.
struct Evidence {
    std::vector<std::optional<StoredMessage>> done;
    std::vector<std::optional<StoredMessage>> failed;
    std::map<std::uint64_t, std::pair<ServerTime, MaxDeliveries>> advisories{};  // the last of each job
    std::string no_records{};
    bool is_sound = true;  // false: it speaks of deliveries before the consumer was reset
};

// The record of this very job: its number may have belonged to another one before.
std::optional<Record> record_of(const StoredMessage& job, const std::optional<StoredMessage>& stored) {
    if (!stored) return std::nullopt;
    auto record = read_record(stored->payload);
    const bool is_ours = record && record->sequence == job.sequence && record->queued == job.time;
    return is_ours ? record : std::nullopt;
}

// That the i-th job is done. A failure that came later, as when the job's advisory was not stored, gave it
// back.
std::optional<Record> done_record(const StoredMessage& job, const Evidence& evidence, std::size_t i) {
    const auto done = record_of(job, evidence.done[i]);
    const bool failed_later =
        done && record_of(job, evidence.failed[i]) && evidence.failed[i]->time > evidence.done[i]->time;
    return failed_later ? std::nullopt : done;
}

std::vector<StoredMessage> delivered_messages(Connection& connection, const QueueNames& names,
                                              const ConsumerInfo& consumer, const std::stop_token& stop) {
    std::vector<StoredMessage> messages;
    if (consumer.last_delivered == 0) return messages;
    StreamReader reader(connection, names.stream, stop);
    const auto filters = consumer.filters.empty() ? std::vector<std::string>{">"} : consumer.filters;
    for (const auto& filter : filters) {
        auto more = reader.messages(filter, 1, consumer.last_delivered);
        std::ranges::move(more, std::back_inserter(messages));
    }
    std::ranges::sort(messages, {}, &StoredMessage::sequence);
    return messages;
}

std::map<std::uint64_t, std::pair<ServerTime, MaxDeliveries>> read_advisories(StreamReader& results,
                                                                              const QueueNames& names) {
    std::map<std::uint64_t, std::pair<ServerTime, MaxDeliveries>> advisories;
    const auto last = results.last_messages({dead_subject(names)}).front();
    if (!last) return advisories;
    for (const auto& message : results.messages(dead_subject(names), 1, last->sequence)) {
        const auto advisory = read_max_deliveries(message.payload);
        if (advisory) advisories[advisory->sequence] = {message.time, *advisory};
    }
    return advisories;
}

// Whether the consumer itself says that no worker has it.
bool is_settled(const ConsumerInfo& consumer, const StoredMessage& message) {
    return consumer.ack_pending == 0 || message.sequence <= consumer.ack_floor;
}

Evidence read_evidence(Connection& connection, const QueueNames& names, const ConsumerInfo& consumer,
                       const std::vector<StoredMessage>& jobs, const std::stop_token& stop) {
    std::vector<std::string> done;
    std::vector<std::string> failed;
    for (const auto& job : jobs) {
        done.push_back(record_subject(names, Record::Outcome::kDone, job.sequence));
        failed.push_back(record_subject(names, Record::Outcome::kFailed, job.sequence));
    }
    StreamReader results(connection, names.results, stop);
    Evidence evidence{.done = results.last_messages(done), .failed = results.last_messages(failed)};
    const auto says_all = [&](std::size_t i) {
        const auto failure = record_of(jobs[i], evidence.failed[i]);
        return done_record(jobs[i], evidence, i) || (failure && failure->is_last());
    };
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (says_all(i) && is_settled(consumer, jobs[i])) continue;
        evidence.advisories = read_advisories(results, names);
        break;
    }
    return evidence;
}

// Without a results stream all is found but reasons, and what only they prove.
Evidence evidence_if_any(Connection& connection, const QueueNames& names, const ConsumerInfo& consumer,
                         const std::vector<StoredMessage>& jobs, const std::stop_token& stop) {
    std::string why;
    try {
        if (!names.results.empty()) return read_evidence(connection, names, consumer, jobs, stop);
        why = "BW_RESULTS is off";
    } catch (const Error& error) {
        const bool is_forbidden = connection.refused("$JS.API.STREAM.MSG.GET." + names.results);
        if (error.kind() != ErrorKind::kDifference && !is_forbidden) throw;
        why = error.where() + ": " + error.what();
    }
    const std::vector<std::optional<StoredMessage>> none(jobs.size());
    return {.done = none, .failed = none, .no_records = why};
}

void read_job(DeadJob& dead) {
    Job job;
    try {
        parse_job(dead.message.payload, job);
        dead.image = job.image;
    } catch (const Error&) {  // that is why it is dead; its id may have been read
    }
    dead.id = job.id;
}

// Judges the i-th of the messages: what is proven of it, if anything is.
std::optional<DeadJob> judged(const StoredMessage& message, const ConsumerInfo& consumer,
                              const Evidence& evidence, std::size_t i) {
    DeadJob dead{.message = message, .id = {}, .image = {}, .since = message.time};
    const auto after_consumer = [&](ServerTime time) {
        return !consumer.created || time > *consumer.created;
    };
    // An operator may have allowed more deliveries since.
    const auto was_last = [&](std::uint64_t delivery) {
        return consumer.max_deliver > 0 && delivery >= static_cast<std::uint64_t>(consumer.max_deliver);
    };
    const auto done = done_record(message, evidence, i);
    const auto failure = record_of(message, evidence.failed[i]);
    const auto found = evidence.advisories.find(message.sequence);
    const bool advised = found != evidence.advisories.end() && found->second.first > message.time &&
                         after_consumer(found->second.first);
    const bool over = failure && failure->is_last() && was_last(failure->delivery) &&
                      after_consumer(evidence.failed[i]->time);
    const bool advised_last = advised && was_last(found->second.second.deliveries);
    if (!is_settled(consumer, message) && (!evidence.is_sound || (!over && !advised_last))) {
        return std::nullopt;
    }
    dead.is_done = done.has_value();
    dead.record = done ? done : failure;
    dead.reason_is_known = done || (failure && failure->is_last());
    dead.attempts = consumer.max_deliver > 0 ? static_cast<std::uint64_t>(consumer.max_deliver) : 0;
    if (advised) {
        dead.attempts = found->second.second.deliveries;
        dead.since = found->second.first;
    }
    if (dead.reason_is_known) dead.attempts = dead.record->delivery;
    if (dead.record && (dead.reason_is_known || !advised)) dead.since = dead.record->time;
    read_job(dead);
    return dead;
}

DeadJobs judge_all(const std::vector<StoredMessage>& messages, const ConsumerInfo& consumer,
                   const Evidence& evidence) {
    DeadJobs dead;
    dead.no_records = evidence.no_records;
    dead.consumer = consumer;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (auto job = judged(messages[i], consumer, evidence, i)) {
            dead.jobs.push_back(*std::move(job));
        } else {
            ++dead.unproven;
            if (done_record(messages[i], evidence, i)) ++dead.unproven_done;
        }
    }
    return dead;
}

// A reset sets the count of deliveries back, and leaves the time of creation.
bool is_same_life(const ConsumerInfo& then, const ConsumerInfo& now) {
    return now.created == then.created && now.deliveries >= then.deliveries &&
           now.last_delivered >= then.last_delivered;
}

// Whether all that is in work can be among what is unproven, and what was delivered meanwhile. If not, jobs
// are in work whose records say that they are dead: they were, before the consumer was reset.
// What only a record calls dead counts as in work until the server has noticed that too.
bool leaves_room(const DeadJobs& dead, const Evidence& evidence, const ConsumerInfo& now) {
    const auto& then = dead.consumer;
    const auto unnoticed = std::ranges::count_if(dead.jobs, [&](const DeadJob& job) {
        return !is_settled(then, job.message) && !evidence.advisories.contains(job.message.sequence);
    });
    return is_same_life(then, now) && now.ack_pending <= dead.unproven +
                                                             static_cast<std::uint64_t>(unnoticed) +
                                                             (now.last_delivered - then.last_delivered);
}

}  // namespace

DeadJobs find_dead(Connection& connection, const QueueNames& names, const std::stop_token& stop) {
    // The consumer first: what it has not in work now, and has delivered as often as it may, stays so.
    const auto consumer = consumer_info_of(connection, names);
    const auto messages = delivered_messages(connection, names, consumer, stop);
    auto evidence = evidence_if_any(connection, names, consumer, messages, stop);
    DeadJobs dead = judge_all(messages, consumer, evidence);
    if (consumer.is_of_new_server && consumer.ack_pending != 0 && !dead.jobs.empty()) {
        evidence.is_sound = leaves_room(dead, evidence, consumer_info_of(connection, names));
        if (!evidence.is_sound) dead = judge_all(messages, consumer, evidence);
    }
    return dead;
}

void check_consumer(Connection& connection, const QueueNames& names, const ConsumerInfo& then) {
    const auto now = consumer_info_of(connection, names);
    if (is_same_life(then, now)) return;
    throw Error(ErrorKind::kDifference, "consumer " + names.stream + " > " + names.consumer,
                "it was made anew or reset meanwhile, so that its dead jobs are delivered again");
}

std::vector<Record> records_of(Connection& connection, const QueueNames& names, const StoredMessage& job) {
    std::vector<Record> records;
    if (names.results.empty()) return records;
    StreamReader results(connection, names.results);
    for (const Record::Outcome outcome : {Record::Outcome::kFailed, Record::Outcome::kDone}) {
        const auto subject = record_subject(names, outcome, job.sequence);
        const auto last = results.last_messages({subject}).front();
        if (!last) continue;
        for (const auto& message : results.messages(subject, 1, last->sequence)) {
            if (auto record = record_of(job, message)) records.push_back(*std::move(record));
        }
    }
    std::ranges::sort(records, {}, &Record::time);
    return records;
}

Life life_of(Connection& connection, const QueueNames& names, std::uint64_t sequence) {
    const auto consumer = consumer_info_of(connection, names);
    const auto message = StreamReader(connection, names.stream).message(sequence);
    if (!message) return Life::kNotThere;
    if (!consumer.takes(message->subject)) return Life::kNotTaken;
    return sequence > consumer.last_delivered ? Life::kWaiting : Life::kInWork;
}

}  // namespace bw
