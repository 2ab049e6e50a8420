#include "message.hpp"

#include <cstdlib>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"

namespace bw {

MessagePtr make_message(const std::string& subject, std::string_view payload,
                        const std::vector<Header>& headers, const std::string& reply) {
    natsMsg* raw = nullptr;
    auto status = natsMsg_Create(&raw, subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                                 payload.data(), static_cast<int>(payload.size()));
    MessagePtr message(raw);
    for (const auto& [name, value] : headers) {
        if (status == NATS_OK) status = natsMsgHeader_Add(raw, name.c_str(), value.c_str());
    }
    if (status == NATS_OK) return message;
    throw Error(ErrorKind::kQueue, subject, "libnats does not take a message: " + last_libnats_error(status));
}

std::string_view payload_of(natsMsg* message) {
    return {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

std::string header_of(natsMsg* message, std::string_view name) {
    const char** keys = nullptr;
    int count = 0;
    if (natsMsgHeader_Keys(message, &keys, &count) != NATS_OK) return "";
    std::string found;
    for (int i = 0; i < count && found.empty(); ++i) {
        const char* value = nullptr;
        if (to_lower(keys[i]) == to_lower(name) && natsMsgHeader_Get(message, keys[i], &value) == NATS_OK &&
            value != nullptr) {
            found = value;
        }
    }
    std::free(keys);  // NOLINT: libnats allocates the list, and not what it points to
    return found;
}

std::vector<Header> headers_of(const std::optional<Trace>& trace) {
    if (!trace) return {};
    std::vector<Header> headers{{.name = std::string(kTraceParent), .value = trace->parent}};
    if (!trace->state.empty()) headers.push_back({.name = std::string(kTraceState), .value = trace->state});
    return headers;
}

}  // namespace bw
