// The pipeline: fetch, read, convert, commit, tell, acknowledge. One job at a time.
//
// There are two threads: the caller's does the job. The lease keeper's keeps the delivery ours (heartbeat)
// and, when the job is over its time or a hard stop comes, asks the conversion to end. Some decoders and
// network file systems cannot be interrupted: a job that has not ended a moment later ends with the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/image.hpp"
#include "bw/protocol.hpp"
#include "bw/queue.hpp"
#include "bw/storage.hpp"

namespace bw {

// A job has failed. It carries what the log says of the job (id, seq, delivery). The delivery has been given
// back by then, or is left to ack wait.
class JobFailed : public Error {
  public:
    JobFailed(const Error& cause, log::Fields job) : Error(cause), job_(std::move(job)) {}
    const log::Fields& job() const { return job_; }

  private:
    log::Fields job_;
};

// The worker asks this after each job that did not fail. If it is true, the worker ends as after a soft stop.
using Retire = std::function<bool()>;

struct WorkerSettings {
    std::string outdir;                // for the log
    QueueNames names;                  // for the log
    std::uint64_t max_file_bytes = 0;  // of an input
    std::chrono::milliseconds job_timeout{};
    std::chrono::milliseconds retry_delay{};  // 0: a failed job is left to ack wait
    std::string name{};                       // of this worker, for records: "host:pid"
    std::string version{};                    // of bw, for records
    Retire retire = [] { return false; };
};

// A conversion that can neither go on nor throw calls this, on its own thread. It does not return.
using Fatal = std::function<void(const Error& cause)>;

// Converts an image, given its bytes and its extension. It throws some Error soon after a stop is requested,
// if it can.
using Convert = std::function<Conversion(std::string_view bytes, std::string_view extension,
                                         const std::stop_token& stop, const Fatal& fatal)>;

// Reports the failure and ends the process, so it does not return. Either thread may call it.
using Abandon = std::function<void(const JobFailed& failure)>;

struct StopTokens {
    std::stop_token soft;  // finish the job in hand, then return
    std::stop_token hard;  // give the job in hand back at once
};

// The worker tells its observer what it does, so that somebody can count jobs and can see that the worker
// goes on. This class does nothing; a class that wants to know overrides its functions. Several threads may
// call them at once.
class WorkerObserver {
  public:
    virtual ~WorkerObserver() = default;

    virtual void alive() {}  // is called before each fetch, and at least every kLongestHeartbeat during a job
    virtual void job_fetched(const Delivery&) {}
    // The output is durable. There is no call for a job that fails, because the worker ends with it.
    virtual void job_settled(Settlement, const JobFigures&) {}
};

// A worker that goes on says so at least this often.
inline constexpr std::chrono::seconds kLongestHeartbeat{10};

class Lease;
class LeaseKeeper;  // src/worker/leases.hpp

class Worker {
  public:
    // Queue, source, sink and observer must outlive the worker.
    Worker(WorkerSettings settings, WorkQueue& queue, Source& source, Sink& sink, Convert convert,
           Abandon abandon, StopTokens stop, WorkerObserver& observer);

    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Returns after a soft stop, or retired. Throws JobFailed for the first job that fails, Error for
    // everything else.
    void run();

  private:
    void do_job(const Delivery& delivery);
    void convert_and_settle(const Delivery& delivery, const Job& job, Lease& lease, const Fatal& fatal);
    Conversion convert(std::string_view bytes, std::string_view extension, const Job& job,
                       const std::stop_token& cancelled, const Fatal& fatal) const;
    Record record_of(const Delivery& delivery, const Job& job, Record::Outcome outcome);
    void give_back(const Delivery& delivery, const Job& job, const Error& failure);

    const WorkerSettings settings_;
    WorkQueue& queue_;
    Source& source_;
    Sink& sink_;
    const Convert convert_;
    const Abandon abandon_;
    const StopTokens stop_;
    WorkerObserver& observer_;
    const std::unique_ptr<LeaseKeeper> leases_;
};

// How long a failed job waits for its next delivery. The delay doubles with each delivery. After the last one
// it is 0: the job is not delivered again whatever the delay, and so JetStream's advisory about the dead job
// comes with the next pull.
std::chrono::milliseconds nak_delay(std::chrono::milliseconds retry_delay, std::uint64_t deliveries,
                                    std::int64_t max_deliver);

}  // namespace bw
