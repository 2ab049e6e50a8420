#include <algorithm>

#include "bw/telemetry.hpp"

namespace bw::metrics {

void DurationHistogram::add(std::chrono::microseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    const auto* bound = std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds);
    ++buckets[static_cast<std::size_t>(bound - kBucketSeconds.begin())];
    sum_us += static_cast<std::uint64_t>(time.count());
}

void Counters::add_times(const StageTimes& times) {
    for (std::size_t stage = 0; stage < times.size(); ++stage) stages[stage].add(times[stage]);
}

}  // namespace bw::metrics
