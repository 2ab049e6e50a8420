// Where the NATS servers are, and who we are to them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bw/config.hpp"

namespace bw {

struct NatsServers {
    std::vector<std::string> urls;  // each with scheme, host and port, and no secrets
    NatsUser user;
};

// One URL, or several with commas between them; a comma after the last is no mistake. Throws Mistake, whose
// hint shows no secret.
NatsServers read_nats_servers(std::string_view text);

}  // namespace bw
