#include "shared_state.hpp"

namespace bw::cli {

metrics::WorkerGauges read_gauges(const SlotTable& table) {
    metrics::WorkerGauges gauges{.workers = table.workers};
    for (const Slot& slot : table.in_use()) {
        gauges.workers_connected += slot.connected ? 1U : 0U;
        gauges.jobs_in_hand += slot.jobs_in_hand;
    }
    return gauges;
}

void CountingObserver::job_fetched(const Delivery& delivery) {
    slot_.has_fetched = true;
    ++slot_.jobs_in_hand;
    ++counters_.deliveries;
    if (delivery.deliveries > 1) ++counters_.redeliveries;
}

void CountingObserver::job_settled(Settlement settlement, const JobFigures& figures) {
    counters_.input_bytes += figures.input_bytes;
    counters_.output_bytes += figures.output_bytes;
    counters_.input_pixels += figures.input_pixels;
    counters_.output_pixels += figures.output_pixels;
    counters_.add_times(
        {figures.read, figures.decode, figures.monochrome, figures.encode, figures.commit, figures.queue});
    ++(settlement == Settlement::kAcknowledged ? counters_.jobs_done : counters_.jobs_forgotten);
    --slot_.jobs_in_hand;
}

}  // namespace bw::cli
