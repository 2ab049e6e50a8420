#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base64.hpp"
#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "bw/queue/dead.hpp"
#include "questions.hpp"

namespace bw {
namespace {

constexpr std::string_view kServersOwn = "nats-";

// A sender cannot have taken it before: the time at which the stream took the job, to the nanosecond, is part
// of it. An edited job has another, and so has the job of another stream.
std::string message_id(const StoredMessage& job, std::string_view payload) {
    constexpr std::size_t kBytes = 8;
    const std::string text = write_time(job.time) + "\n" + std::string(payload);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw Error(ErrorKind::kInternal, "SHA-256", "OpenSSL computes no hash");
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string id = "bw-retry-" + std::to_string(job.sequence) + "-";
    for (std::size_t i = 0; i < kBytes; ++i) {
        id += kDigits[hash.at(i) >> 4];
        id += kDigits[hash.at(i) & 0xf];
    }
    return id;
}

std::vector<Header> headers_of(const StoredMessage& job) {
    std::vector<Header> headers = job.headers;
    std::erase_if(headers,
                  [](const Header& header) { return to_lower(header.name).starts_with(kServersOwn); });
    return headers;
}

}  // namespace

Resender::Resender(Connection& connection, const QueueNames& names)
    : connection_(connection),
      names_(names),
      reader_(connection, names.stream),
      consumer_(consumer_info_of(connection, names)),
      stream_(stream_info_of(connection, names)) {}

SentAgain Resender::retry(const StoredMessage& job, const std::optional<std::string>& payload) {
    if (!has(job)) return {};
    const SentAgain sent = send(job, payload.value_or(job.payload));
    remove_message(connection_, names_.stream, job.sequence);
    return sent;
}

bool Resender::drop(const StoredMessage& job) {
    return has(job) && remove_message(connection_, names_.stream, job.sequence);
}

// Seldom, but it happens that it has not: a worker acknowledges late, another operator was faster, or the
// stream was made anew and gives the job's number to another one.
bool Resender::has(const StoredMessage& job) {
    const auto now = reader_.message(job.sequence);
    return now && now->time == job.time;
}

SentAgain Resender::import(const StoredMessage& job) {
    if (consumer_.takes(job.subject)) return send(job, job.payload);
    StoredMessage of_other_stream = job;
    of_other_stream.subject = job_subject(names_);
    return send(of_other_stream, job.payload);
}

SentAgain Resender::send(const StoredMessage& job, const std::string& payload) {
    const std::string first_id = message_id(job, payload);
    std::string id = first_id;
    for (int number = 2;; ++number) {
        auto headers = headers_of(job);
        headers.push_back({.name = kMessageId, .value = id});
        const auto most = stream_.max_msg_size;
        const bool fits = most <= 0 || size_in_stream(headers, payload) <= static_cast<std::size_t>(most);
        if (!fits) headers.pop_back();
        const auto published = publish(connection_, names_.stream, job.subject, headers, payload);
        if (!published.duplicate) return {SentAgain::Outcome::kStored, published.sequence, !fits};
        if (lives_or_is_done(published.sequence, id)) {
            return {SentAgain::Outcome::kStoredBefore, published.sequence};
        }
        // The server knows the id of a message that somebody has removed.
        id = first_id + "-" + std::to_string(number);
    }
}

bool Resender::lives_or_is_done(std::uint64_t sequence, const std::string& id) {
    if (const auto copy = reader_.message(sequence)) {
        return std::ranges::any_of(copy->headers, [&id](const Header& header) {
            return to_lower(header.name) == to_lower(kMessageId) && header.value == id;
        });
    }
    if (names_.results.empty()) return false;
    try {
        const auto subject = record_subject(names_, Record::Outcome::kDone, sequence);
        const auto stored = StreamReader(connection_, names_.results).last_messages({subject}).front();
        const auto record = stored ? read_record(stored->payload) : std::nullopt;
        return record && record->sequence == sequence && stream_.created && record->queued > *stream_.created;
    } catch (const Error& error) {  // nobody knows whether it is done
        const bool is_forbidden = connection_.refused("$JS.API.STREAM.MSG.GET." + names_.results);
        if (error.kind() != ErrorKind::kDifference && !is_forbidden) throw;
        return false;
    }
}

std::string exported_job(const StoredMessage& job) {
    ExportedMessage exported{.message = job, .payload_is_base64 = !is_utf8(job.payload)};
    if (exported.payload_is_base64) exported.message.payload = to_base64(job.payload);
    return export_line(exported);
}

std::optional<StoredMessage> read_exported_job(std::string_view line) {
    auto exported = read_export(line);
    if (!exported) return std::nullopt;
    if (exported->payload_is_base64) {
        auto payload = from_base64(exported->message.payload);
        if (!payload) return std::nullopt;
        exported->message.payload = *std::move(payload);
    }
    return std::move(exported->message);
}

}  // namespace bw
