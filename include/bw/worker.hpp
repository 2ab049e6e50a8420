// The loop: fetch, read, convert, commit, advise, acknowledge. One job at a time.
//
// Two threads: the caller's runs the job; a second one keeps the delivery ours (heartbeat) and, when the job
// is over its time or a hard stop comes, asks the conversion to end. Some decoders and network file systems
// cannot be interrupted: what has not ended a moment later ends with the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/image.hpp"
#include "bw/protocol.hpp"
#include "bw/queue.hpp"
#include "bw/storage.hpp"
#include "bw/telemetry.hpp"

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
    std::string outdir;  // for the log
    QueueNames names;    // for the log
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

// Where the worker counts, and where it says that it goes on and whether it has a job.
struct Place {
    metrics::Board& board;
    metrics::Seat& seat;
};

class Worker {
  public:
    // What is referred to must outlive the worker.
    Worker(WorkerSettings settings, WorkQueue& queue, Storage& storage, Convert convert, Abandon abandon,
           StopTokens stop, Place place);

    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Returns after a soft stop, or retired. Throws JobFailed for the first job that fails, Error for
    // everything else.
    void run();

  private:
    class Watch;
    using Expired = std::function<void(const Error&)>;

    void work_on(const Delivery& delivery);
    void finish(const Delivery& delivery, const Job& job, const Expired& expired, const Fatal& fatal);
    Conversion convert(std::string_view source, std::string_view extension, const Job& job,
                       const std::stop_token& cancelled, const Fatal& fatal) const;
    void give_back(const Delivery& delivery, const Error& failure);

    const WorkerSettings settings_;
    WorkQueue& queue_;
    Storage& storage_;
    const Convert convert_;
    const Abandon abandon_;
    const StopTokens stop_;
    const Place place_;
    const std::unique_ptr<Watch> watch_;
};

// When a worker has done enough, for its parent to start another: not every library gives all memory back.
class Retirement {
  public:
    // After so many jobs, or once so many bytes are resident after a job; 0: never. To be made before the
    // sandbox closes /proc.
    Retirement(std::uint64_t jobs, std::uint64_t resident_bytes);
    ~Retirement();
    Retirement(const Retirement&) = delete;
    Retirement& operator=(const Retirement&) = delete;

    // For Retire; the log says why.
    bool due();

  private:
    std::uint64_t resident_bytes() const;

    const std::uint64_t most_jobs_;
    const std::uint64_t most_bytes_;
    const int statm_;
    std::uint64_t jobs_ = 0;
};

// What a worker says on the board besides its jobs, at once and then each second, from a thread of its own:
// whether it is connected, and what JetStream says of the queue.
class Reporter {
  public:
    using Connected = std::function<bool()>;
    using Numbers = std::function<std::optional<QueueNumbers>(const std::stop_token& end)>;

    // `numbers`: asked every two seconds by one of all the workers. Both are called by the thread.
    Reporter(Place place, Connected connected, Numbers numbers);
    ~Reporter();  // no longer connected
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

  private:
    void run(const std::stop_token& end) const;
    void ask(const std::stop_token& end) const;

    const Place place_;
    const Connected connected_;
    const Numbers numbers_;
    std::jthread thread_;  // last: it uses all of the above
};

// How long a failed job waits: doubled with each delivery; nothing after the last one, which is not delivered
// again whatever the delay, so that JetStream's advisory about it comes with the next pull.
std::chrono::milliseconds nak_delay(std::chrono::milliseconds retry_delay, std::uint64_t deliveries,
                                    std::int64_t max_deliver);

}  // namespace bw
