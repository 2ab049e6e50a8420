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

std::string export_line(const ExportedMessage& exported) {
    const StoredMessage& message = exported.message;
    std::vector<std::string> headers;
    for (const Header& header : message.headers) headers.push_back(header.name + ": " + header.value);
    return JsonObject()
        .number("seq", message.sequence)
        .text("subject", message.subject)
        .text("time", write_time(message.time))
        .texts("headers", headers)
        .text(exported.payload_is_base64 ? "payload_base64" : "payload", message.payload)
        .str();
}

std::optional<ExportedMessage> read_export(std::string_view line) {
    const json object = parse_json(line);
    const json& base64 = member(object, "payload_base64");
    const json& payload = base64.is_null() ? member(object, "payload") : base64;
    const auto time = read_time(text_of(member(object, "time")));
    if (count_of(member(object, "seq")) == 0 || !time || !payload.is_string()) return std::nullopt;
    ExportedMessage exported{.message = {.sequence = count_of(member(object, "seq")),
                                         .subject = text_of(member(object, "subject")),
                                         .time = *time,
                                         .headers = {},
                                         .payload = text_of(payload)},
                             .payload_is_base64 = !base64.is_null()};
    for (const std::string& header : texts_of(member(object, "headers"))) {
        const auto colon = header.find(": ");
        if (colon == 0 || colon == header.npos) return std::nullopt;
        exported.message.headers.push_back({header.substr(0, colon), header.substr(colon + 2)});
    }
    return exported;
}

bool is_utf8(std::string_view text) {
    try {
        return !json(text).dump().empty();
    } catch (const json::type_error&) {
        return false;
    }
}

std::optional<MaxDeliveries> read_max_deliveries(std::string_view body) {
    const json advisory = parse_json(body);
    const MaxDeliveries read{.sequence = count_of(member(advisory, "stream_seq")),
                             .deliveries = count_of(member(advisory, "deliveries"))};
    return read.sequence == 0 ? std::nullopt : std::optional(read);
}

}  // namespace bw
