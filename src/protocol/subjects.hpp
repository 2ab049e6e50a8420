// NATS subjects. Pure; any thread.
#pragma once

#include <string_view>

namespace bw {

// Whether a message on `subject` goes to those who listen on `pattern`: token by token, where * is any one
// token and a last > is one or more. https://docs.nats.io/nats-concepts/subjects
bool matches(std::string_view pattern, std::string_view subject);

}  // namespace bw
