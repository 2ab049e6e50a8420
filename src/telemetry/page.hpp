// The board as Prometheus reads it: its text format, version 0.0.4. Any thread.
#pragma once

#include <string>

#include "bw/telemetry.hpp"

namespace bw::metrics {

// All metrics, also those that have counted nothing yet; but what JetStream said of the queue only while that
// is fresh.
std::string page(const Board& board, const Labels& labels);

}  // namespace bw::metrics
