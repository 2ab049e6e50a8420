// How a failure ends the process.
#pragma once

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"

namespace bw::cli {

// Logs the one line of the failure; its exit code. `job`: the job that failed, if there was one.
int report(const Error& failure, const log::Fields& job = {});

}  // namespace bw::cli
