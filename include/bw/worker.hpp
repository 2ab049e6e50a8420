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

// A job that failed, with what the log says of it (id, seq, delivery). Its delivery has been given back,
// or left to ack wait.
class JobFailed : public Error {
  public:
    JobFailed(const Error& cause, log::Fields job) : Error(cause), job_(std::move(job)) {}
    const log::Fields& job() const { return job_; }

  private:
    log::Fields job_;
};

// Asked after each job that did not fail: whether the worker is to end as after a soft stop.
using Retire = std::function<bool()>;

struct WorkerSettings {
    std::string outdir;                // for the log
    QueueNames names;                  // for the log
    std::uint64_t max_file_bytes = 0;  // of an input
    std::chrono::milliseconds job_timeout{};
    std::chrono::milliseconds retry_delay{};
    Retire retire = [] { return false; };
};

// What a conversion calls, on its own thread, if it can neither go on nor throw. Does not return.
using Fatal = std::function<void(const Error& cause)>;

// Bytes and extension of an image to the result. Throws some Error soon after a stop is requested, if it can.
using Convert = std::function<Conversion(std::string_view bytes, std::string_view extension,
                                         const std::stop_token& stop, const Fatal& fatal)>;

// Reports the failure and ends the process; does not return. Called from either thread.
using Abandon = std::function<void(const JobFailed& failure)>;

struct StopTokens {
    std::stop_token soft;  // finish the job in hand, then return
    std::stop_token hard;  // give the job in hand back at once
};

// What the stages of one job took and made.
struct JobFigures {
    std::uint64_t input_bytes = 0;
    std::uint64_t output_bytes = 0;
    std::uint64_t input_pixels = 0;  // over all frames, as the next
    std::uint64_t output_pixels = 0;
    std::chrono::microseconds read{};
    std::chrono::microseconds decode{};
    std::chrono::microseconds monochrome{};
    std::chrono::microseconds encode{};
    std::chrono::microseconds commit{};
    std::chrono::microseconds queue{};  // the advisory and the acknowledgement
};

// Who counts, and who watches that the worker goes on. Does nothing by itself; whoever wants to know
// overrides it. Several threads may call it at once.
class WorkerObserver {
  public:
    virtual ~WorkerObserver() = default;

    virtual void alive() {}  // before each fetch, and at least every kLongestHeartbeat during a job
    virtual void job_fetched(const Delivery&) {}
    // The output stands. A job that fails is not told of: the worker ends with it.
    virtual void job_settled(Settlement, const JobFigures&) {}
};

// How long nothing of a worker that goes on may be heard.
inline constexpr std::chrono::seconds kLongestHeartbeat{10};

class Lease;
class LeaseKeeper;  // src/worker/leases.hpp

class Worker {
  public:
    // What is referred to must outlive the worker.
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
    void give_back(const Delivery& delivery, const Error& failure);

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

// How long a failed job waits: doubled with each delivery; nothing after the last one, which is not delivered
// again whatever the delay, so that JetStream's advisory about it comes with the next pull.
std::chrono::milliseconds nak_delay(std::chrono::milliseconds retry_delay, std::uint64_t deliveries,
                                    std::int64_t max_deliver);

}  // namespace bw
