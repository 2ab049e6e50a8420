#include "bw/queue/streams.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base64.hpp"
#include "bw/base/error.hpp"
#include "message.hpp"
#include "requests.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// More in flight make nothing faster: the server answers one request of a connection after the other.
constexpr std::size_t kLanes = 128;
constexpr milliseconds kAnswer{3000};
constexpr milliseconds kPatience{15'000};
constexpr milliseconds kPause{250};
constexpr std::string_view kFirstLine = "NATS/1.0\r\n";
constexpr std::string_view kEnd = "\r\n";

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return "";
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<Header> read_headers(std::string_view block) {
    std::vector<Header> headers;
    bool is_first = true;
    while (!block.empty()) {
        const std::string_view line = block.substr(0, block.find(kEnd));
        block.remove_prefix(std::min(block.size(), line.size() + kEnd.size()));
        const auto colon = line.find(':');
        if (!std::exchange(is_first, false) && colon != line.npos && colon > 0) {
            headers.push_back({.name = std::string(line.substr(0, colon)),
                               .value = std::string(without_blanks(line.substr(colon + 1)))});
        }
    }
    return headers;
}

std::optional<StoredMessage> decoded(const EncodedMessage& message) {
    const auto headers = from_base64(message.headers_base64);
    auto payload = from_base64(message.payload_base64);
    if (!headers || !payload) return std::nullopt;
    return StoredMessage{.sequence = message.sequence,
                         .subject = message.subject,
                         .time = message.time,
                         .headers = read_headers(*headers),
                         .payload = *std::move(payload)};
}

[[noreturn]] void refused(const std::string& stream, const ApiError& error) {
    if (error.code == kStreamNotFound) {
        throw Error(ErrorKind::kDifference, stream, "there is no stream of that name");
    }
    const bool too_large = error.code == kMessageTooLarge;  // others may fit
    throw Error(too_large ? ErrorKind::kJob : ErrorKind::kQueue, stream, error.text);
}

// Numbers that one lane walks: those from `next` on, before `end`.
struct Range {
    std::uint64_t next = 0;
    std::uint64_t end = 0;
    std::uint64_t left() const { return end > next ? end - next : 0; }
};

// A lane without work takes half of what the busiest one has left, since nobody knows where the messages lie.
std::optional<std::string> next_of_range(std::vector<Range>& ranges, std::size_t lane,
                                         std::string_view pattern) {
    constexpr std::uint64_t kLeastShared = 8;
    Range& own = ranges[lane];
    if (own.left() == 0) {
        Range& busiest = *std::ranges::max_element(ranges, {}, &Range::left);
        if (busiest.left() < kLeastShared) return std::nullopt;
        own = {.next = busiest.next + busiest.left() / 2, .end = busiest.end};
        busiest.end = own.next;
    }
    return next_message_request(own.next, pattern);
}

// One try; nothing where no answer came.
std::optional<Published> try_to_publish(Connection& connection, const std::string& stream, natsMsg* message) {
    natsMsg* raw = nullptr;
    if (natsConnection_RequestMsg(&raw, connection.get(), message, kAnswer.count()) != NATS_OK) {
        return std::nullopt;
    }
    const MessagePtr reply(raw);
    const auto answer = read_publication(payload_of(raw));
    if (const auto* error = std::get_if<ApiError>(&answer)) refused(stream, *error);
    const auto* published = std::get_if<Published>(&answer);
    if (published != nullptr && published->stream == stream) return *published;
    const std::string who = published == nullptr ? "somebody else" : "the stream " + published->stream;
    throw Error(ErrorKind::kQueue, natsMsg_GetSubject(message),
                "the stream " + stream + " does not take this subject, " + who + " has answered");
}

}  // namespace

class StreamReader::Implementation {
  public:
    Implementation(Connection& connection, std::string stream, std::stop_token stop)
        : stream_(std::move(stream)), requests_(connection, "STREAM.MSG.GET." + stream_, std::move(stop)) {}

    void run(std::size_t lanes, const Requests::Next& next,
             const std::function<void(std::size_t lane, std::optional<StoredMessage>)>& found) {
        requests_.run(lanes, next, [&](std::size_t lane, std::string_view text) {
            const auto answer = read_message(text);
            if (std::holds_alternative<NoAnswer>(answer)) return false;
            const auto* error = std::get_if<ApiError>(&answer);
            if (error != nullptr && error->code != kMessageNotFound) refused(stream_, *error);
            auto message = error ? std::nullopt : decoded(std::get<EncodedMessage>(answer));
            if (!message && error == nullptr) return false;
            found(lane, std::move(message));
            return true;
        });
    }

    // `request(i)` is the body of the i-th of `count` requests.
    std::vector<std::optional<StoredMessage>> each(std::size_t count,
                                                   const std::function<std::string(std::size_t)>& request) {
        std::vector<std::optional<StoredMessage>> results(count);
        std::vector<std::size_t> number_of_lane(std::min(count, kLanes));
        std::size_t next = 0;
        run(
            number_of_lane.size(),
            [&](std::size_t lane) -> std::optional<std::string> {
                if (next == count) return std::nullopt;
                number_of_lane[lane] = next;
                return request(next++);
            },
            [&](std::size_t lane, std::optional<StoredMessage> message) {
                results[number_of_lane[lane]] = std::move(message);
            });
        return results;
    }

  private:
    const std::string stream_;
    Requests requests_;
};

StreamReader::StreamReader(Connection& connection, std::string stream, std::stop_token stop)
    : implementation_(std::make_unique<Implementation>(connection, std::move(stream), std::move(stop))) {}

StreamReader::~StreamReader() = default;

std::optional<StoredMessage> StreamReader::message(std::uint64_t sequence) {
    return implementation_->each(1, [sequence](std::size_t) { return message_request(sequence); }).front();
}

std::vector<std::optional<StoredMessage>> StreamReader::last_messages(
    const std::vector<std::string>& subjects) {
    return implementation_->each(subjects.size(),
                                 [&](std::size_t i) { return last_message_request(subjects[i]); });
}

std::vector<StoredMessage> StreamReader::messages(std::string_view pattern, std::uint64_t first,
                                                  std::uint64_t last) {
    std::vector<StoredMessage> messages;
    std::vector<Range> ranges(kLanes);
    ranges.front() = {.next = std::max<std::uint64_t>(first, 1), .end = last + 1};
    implementation_->run(
        kLanes, [&](std::size_t lane) { return next_of_range(ranges, lane, pattern); },
        [&](std::size_t lane, std::optional<StoredMessage> message) {
            Range& range = ranges[lane];
            const std::uint64_t asked = range.next;
            const std::uint64_t found = message ? message->sequence : last + 1;
            const bool is_own = found < range.end;
            // None lies between the two, in whatever range.
            if (found != asked) {
                for (Range& one : ranges) {
                    if (one.next >= asked && one.next < found) one.next = std::min(found, one.end);
                }
            }
            if (!is_own) return;
            range.next = found + 1;
            messages.push_back(*std::move(message));
        });
    std::ranges::sort(messages, {}, &StoredMessage::sequence);
    return messages;
}

std::size_t size_in_stream(const std::vector<Header>& headers, std::string_view payload) {
    if (headers.empty()) return payload.size();
    std::size_t size = kFirstLine.size() + kEnd.size() + payload.size();
    for (const Header& header : headers) size += header.name.size() + header.value.size() + 2 + kEnd.size();
    return size;
}

Published publish(Connection& connection, const std::string& stream, const std::string& subject,
                  const std::vector<Header>& headers, std::string_view payload) {
    const bool may_repeat =
        std::ranges::any_of(headers, [](const Header& header) { return header.name == kMessageId; });
    const auto deadline = steady_clock::now() + kPatience;
    const MessagePtr message = make_message(subject, payload, headers);
    while (true) {
        if (auto published = try_to_publish(connection, stream, message.get())) return *published;
        const bool is_over = !may_repeat || steady_clock::now() >= deadline || connection.refused(subject);
        if (is_over) no_answer(connection, subject);
        stopped_within(kPause, {});
    }
}

bool remove_message(Connection& connection, const std::string& stream, std::uint64_t sequence) {
    const auto deadline = steady_clock::now() + kPatience;
    const std::string call = "STREAM.MSG.DELETE." + stream;
    while (true) {
        const auto answer = read_deletion(connection.api(call, deletion_request(sequence)));
        if (std::holds_alternative<Deleted>(answer)) return true;
        if (const auto* error = std::get_if<ApiError>(&answer)) {
            if (error->code == kSequenceNotFound) return false;
            // The server says this of a number below or above all that the stream has.
            if (error->code == kDeletionFailed && !StreamReader(connection, stream).message(sequence)) {
                return false;
            }
            refused(stream, *error);
        }
        if (steady_clock::now() >= deadline || connection.refused("$JS.API." + call)) {
            no_answer(connection, stream);
        }
        stopped_within(kPause, {});
    }
}

}  // namespace bw
