// The memory that a parent and its workers share, and the observer that writes to it what a worker does.
#pragma once

#include "bw/process.hpp"
#include "bw/telemetry.hpp"
#include "bw/worker.hpp"

namespace bw::cli {

// All zero bytes: nothing has happened yet.
struct SharedState {
    SlotTable workers;
    metrics::Counters counters;
};

// Reads the numbers of the worker processes that the page shows. Any thread.
metrics::WorkerGauges read_gauges(const SlotTable& table);

// Counts a worker's jobs, and says in its slot that it goes on. Any thread.
class CountingObserver : public WorkerObserver {
  public:
    // Both must outlive it.
    CountingObserver(Slot& slot, metrics::Counters& counters) : slot_(slot), counters_(counters) {}

    void alive() override { slot_.say_alive(); }
    void job_fetched(const Delivery& delivery) override;
    void job_settled(Settlement settlement, const JobFigures& figures) override;

  private:
    Slot& slot_;
    metrics::Counters& counters_;
};

}  // namespace bw::cli
