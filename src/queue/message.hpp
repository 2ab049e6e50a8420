// Messages of libnats with headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/protocol/trace.hpp"
#include "bw/queue/streams.hpp"
#include "connection.hpp"

namespace bw {

// Throws Error (kQueue) where libnats does not take it.
MessagePtr make_message(const std::string& subject, std::string_view payload,
                        const std::vector<Header>& headers, const std::string& reply = {});

std::string_view payload_of(natsMsg* message);

// The value of the first header of that name in whatever case; empty where there is none.
std::string header_of(natsMsg* message, std::string_view name);

// Those that go on with what a job of that trace causes.
std::vector<Header> headers_of(const std::optional<Trace>& trace);

}  // namespace bw
