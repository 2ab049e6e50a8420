// The counters as Prometheus reads them: its text format, version 0.0.4. Any thread.
#pragma once

#include <string>

#include "bw/telemetry.hpp"

namespace bw::metrics {

// All metrics, also those that have counted nothing yet. What JetStream said of the queue stands there only
// while it is fresh.
std::string page(const Counters& counters, const WorkerGauges& workers, const Labels& labels);

}  // namespace bw::metrics
