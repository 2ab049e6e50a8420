// The trace that a job belongs to: https://www.w3.org/TR/trace-context. A sender may give a job the headers
// traceparent and tracestate; they go on with what the job causes. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bw {

inline constexpr std::string_view kTraceParent = "traceparent";
inline constexpr std::string_view kTraceState = "tracestate";

struct Trace {
    std::string parent{};  // "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    std::string state{};   // whatever tracing systems wrote there; empty: there is none

    // The second part of `parent`: what people look for.
    std::string id() const;
};

// Nothing where `parent` is not as the standard says, whose `state` then does not count either. A state that
// is no printable text of up to 512 bytes is left out.
std::optional<Trace> read_trace(std::string_view parent, std::string_view state);

}  // namespace bw
