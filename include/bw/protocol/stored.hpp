// Messages that a stream keeps, read by JetStream's API one at a time: $JS.API.STREAM.MSG.GET.<stream>; and
// what it answers to whoever publishes or deletes one. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/protocol.hpp"

namespace bw {

// Bodies of $JS.API.STREAM.MSG.GET.<stream>: the message of that number; the first from that number on whose
// subject matches the pattern; the last whose subject matches it.
std::string message_request(std::uint64_t sequence);
std::string next_message_request(std::uint64_t from, std::string_view pattern);
std::string last_message_request(std::string_view pattern);

inline constexpr int kMessageNotFound = 10037;

// Headers and payload stand in the answer in base64, which is left as it is here.
struct EncodedMessage {
    std::uint64_t sequence = 0;
    std::string subject;
    ServerTime time{};           // when the stream took it
    std::string headers_base64;  // "NATS/1.0\r\nName: value\r\n\r\n"; empty: it has none
    std::string payload_base64;
};
ApiAnswer<EncodedMessage> read_message(std::string_view answer);

// Body of $JS.API.STREAM.MSG.DELETE.<stream>. The bytes are not overwritten on the disk.
std::string deletion_request(std::uint64_t sequence);

// What deletion answers where there is no such message; the second also where the disk fails.
inline constexpr int kSequenceNotFound = 10043;
inline constexpr int kDeletionFailed = 10057;

struct Deleted {};
ApiAnswer<Deleted> read_deletion(std::string_view answer);

// The header by which a stream takes a message once within its duplicate window.
inline constexpr const char* kMessageId = "Nats-Msg-Id";

// What a stream answers to who publishes to one of its subjects.
struct Published {
    std::string stream;
    std::uint64_t sequence = 0;  // that of the message which is there already, for a duplicate
    bool duplicate = false;      // there was one with this Nats-Msg-Id, so that nothing was stored
};
inline constexpr int kMessageTooLarge = 10054;
ApiAnswer<Published> read_publication(std::string_view answer);

struct Header {
    std::string name;
    std::string value;
};

// A value. Headers have the order of the message; one that has no colon, and a status in the first line
// ("NATS/1.0 408"), which a sender may put there, are left out.
struct StoredMessage {
    std::uint64_t sequence = 0;
    std::string subject;
    ServerTime time{};  // when the stream took it
    std::vector<Header> headers;
    std::string payload;
};

// A message as one line of JSON that another stream can take it from: seq, subject, time, headers ("name:
// value" each), and payload or, for bytes that are no UTF-8, payload_base64. docs/dead.md lists them.
struct ExportedMessage {
    StoredMessage message;
    bool payload_is_base64 = false;
};
std::string export_line(const ExportedMessage& exported);
std::optional<ExportedMessage> read_export(std::string_view line);

bool is_utf8(std::string_view text);

// What a server says of a message that has had all its deliveries (a MAX_DELIVERIES advisory).
struct MaxDeliveries {
    std::uint64_t sequence = 0;
    std::uint64_t deliveries = 0;
};
std::optional<MaxDeliveries> read_max_deliveries(std::string_view body);

}  // namespace bw
