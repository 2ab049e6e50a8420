#include "bw/protocol/stored.hpp"

#include "members.hpp"

namespace bw {

std::string message_request(std::uint64_t sequence) { return json{{"seq", sequence}}.dump(); }

std::string next_message_request(std::uint64_t from, std::string_view pattern) {
    return json{{"seq", from}, {"next_by_subj", pattern}}.dump();
}

std::string last_message_request(std::string_view pattern) { return json{{"last_by_subj", pattern}}.dump(); }

std::string deletion_request(std::uint64_t sequence) {
    return json{{"seq", sequence}, {"no_erase", true}}.dump();
}

ApiAnswer<EncodedMessage> read_message(std::string_view text) {
    const json answer = parse_json(text);
    if (auto error = error_of(answer)) return *std::move(error);
    const json& message = member(answer, "message");
    const auto sequence = count_of(member(message, "seq"));
    const auto time = read_time(text_of(member(message, "time")));
    if (sequence == 0 || !time) return NoAnswer{};
    return EncodedMessage{.sequence = sequence,
                          .subject = text_of(member(message, "subject")),
                          .time = *time,
                          .headers_base64 = text_of(member(message, "hdrs")),
                          .payload_base64 = text_of(member(message, "data"))};
}

ApiAnswer<Deleted> read_deletion(std::string_view text) {
    const json answer = parse_json(text);
    if (auto error = error_of(answer)) return *std::move(error);
    if (member(answer, "success") != json(true)) return NoAnswer{};
    return Deleted{};
}

ApiAnswer<Published> read_publication(std::string_view text) {
    const json answer = parse_json(text);
    if (auto error = error_of(answer)) return *std::move(error);
    const auto sequence = count_of(member(answer, "seq"));
    if (sequence == 0) return NoAnswer{};
    return Published{.stream = text_of(member(answer, "stream")),
                     .sequence = sequence,
                     .duplicate = member(answer, "duplicate") == json(true)};
}

}  // namespace bw
