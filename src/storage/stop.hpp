#pragma once

#include <stop_token>
#include <string>

#include "bw/base/error.hpp"

namespace bw {

// Throws Error (kStopped) once a stop is requested.
inline void throw_if_stopped(const std::stop_token& stop, const std::string& where) {
    if (stop.stop_requested()) throw Error(ErrorKind::kStopped, where, "stopped before the job was done");
}

}  // namespace bw
