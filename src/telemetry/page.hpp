// The counters as Prometheus reads them: its text format, version 0.0.4. Any thread.
#pragma once

#include <string>

#include "bw/telemetry.hpp"

namespace bw::metrics {

// The page has all metrics, also those that have counted nothing yet. JetStream's numbers of the queue stand
// on it only while they are fresh.
std::string page(const Counters& counters, const WorkerGauges& workers, const Labels& labels);

}  // namespace bw::metrics
