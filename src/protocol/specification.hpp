// The streams and the consumer as they should be, in JetStream's own words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bw/protocol.hpp"
#include "members.hpp"

namespace bw {

// How a configuration that the server has differs from the protocol's: one line for each field.
std::vector<std::string> stream_differences(const json& config, const QueueNames& names,
                                            std::optional<std::int64_t> max_msg_size);
std::vector<std::string> results_differences(const json& config, const QueueNames& names);
std::vector<std::string> consumer_differences(const json& config, const QueueNames& names);

// The consumer's `max_expires`, where it is shorter than our pulls.
bool refuses_our_pulls(const json& config);

// Values as people write them: 30s, not 30000000000.
std::string shown_duration(std::int64_t nanoseconds);

}  // namespace bw
