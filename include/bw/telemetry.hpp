// What the workers of one parent count, the Prometheus page that shows it, and the health pages. The counters
// lie in memory that all these processes share, so that the sums stand whichever process ends, and however it
// ends. Every number is a lock-free atomic, which any thread of any process may change. The parts of one
// thing (the sum and the buckets of a histogram) may be seen a moment apart, which Prometheus allows.
// telemetry does not know how workers are run: whoever serves the page hands in a function that says it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "bw/base/error.hpp"

namespace bw::metrics {

using Count = std::atomic<std::uint64_t>;
static_assert(Count::is_always_lock_free,
              "a lock would not work between processes, and a killed process would never release it");

// The parts of a job, in their order. kQueue: the advisory and the acknowledgement.
enum class Stage { kRead, kDecode, kMonochrome, kEncode, kCommit, kQueue };
inline constexpr std::array<std::string_view, 6> kStageNames{"read",   "decode", "monochrome",
                                                             "encode", "commit", "queue"};
// How long each stage of one job took, in the order of Stage.
using StageTimes = std::array<std::chrono::microseconds, kStageNames.size()>;

// Upper bounds in seconds; the last bucket has none.
inline constexpr std::array<double, 13> kBucketSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,  0.5,    1,     2.5,  5,     10};

struct DurationHistogram {
    std::array<Count, kBucketSeconds.size() + 1> buckets{};  // each without those below it
    Count sum_us{};

    void add(std::chrono::microseconds time);
};

// JetStream says these numbers of the queue.
struct QueueDepth {
    std::uint64_t pending = 0;
    std::uint64_t ack_pending = 0;
    std::uint64_t redelivered = 0;
    std::uint64_t dead = 0;
};

// The page reads the same numbers here. One of the workers writes them every few seconds.
struct QueueGauges {
    std::atomic<std::int64_t> asked_ms{};     // steady_ms() of the last question
    std::atomic<std::int64_t> answered_ms{};  // steady_ms() of the last answer; 0: there was none yet
    Count pending{};
    Count ack_pending{};
    Count redelivered{};
    Count dead{};
};

// Why a worker was started again.
enum class Restart { kFailed, kCrashed, kHung, kRetired };
inline constexpr std::array<std::string_view, 4> kRestartNames{"failed", "crashed", "hung", "retired"};

inline constexpr std::size_t kErrorKinds = 16;  // more than there are; by the number of an ErrorKind

// All zero bytes: nothing has happened yet.
struct Counters {
    // The workers count these.
    Count deliveries{};
    Count redeliveries{};  // of those, all but the first of each job
    Count jobs_done{};
    // Done, but not acknowledged: the server had forgotten the delivery and the job comes again, or the
    // stream was made again and the job went with the old one.
    Count jobs_forgotten{};
    Count input_bytes{};  // this and all up to `stages`: of jobs that were done or forgotten
    Count output_bytes{};
    Count input_pixels{};  // over all frames
    Count output_pixels{};
    std::array<DurationHistogram, kStageNames.size()> stages{};
    QueueGauges queue{};
    // The parent counts these: it sees how a worker ended.
    Count jobs_failed{};
    Count jobs_given_back{};  // at a hard stop
    Count jobs_crashed{};     // their worker was killed
    std::array<Count, kErrorKinds> errors{};
    std::array<Count, kRestartNames.size()> restarts{};
    std::atomic<std::int64_t> parent_alive_ms{};  // steady_ms() of the parent's last turn, for /healthz

    DurationHistogram& stage(Stage of) { return stages[static_cast<std::size_t>(of)]; }
    void add_times(const StageTimes& times);
};

// The page says these numbers of the worker processes. They are those of this moment.
struct WorkerGauges {
    std::uint64_t workers = 0;            // that are to run
    std::uint64_t workers_connected = 0;  // and bound to the consumer
    std::uint64_t jobs_in_hand = 0;
};
using ReadWorkers = std::function<WorkerGauges()>;

// What the page says beside the numbers.
struct Labels {
    std::string version;
    std::string stream;
    std::string consumer;
};

// The counters over HTTP: GET /metrics, for Prometheus; /healthz, 200 while the parent stamps
// parent_alive_ms, and /readyz, 200 while a worker is connected and bound, else 503. The server answers in
// threads of its own, which have the signal mask of the thread that made it, and end with it.
class Server {
  public:
    virtual ~Server() = default;
    virtual std::string url() const = 0;  // of /metrics; with the port that port 0 has become
};

// `address`: host:port, or :port for all addresses. The counters must outlive the server; any of its threads
// may call `workers`. Throws Error (kConfiguration) if it cannot listen there.
std::unique_ptr<Server> serve(const Counters& counters, const ReadWorkers& workers, const Labels& labels,
                              const std::string& address);

// Tells the page, at once and then each second, whether this worker is connected, and what JetStream says of
// the queue. It does that in a thread of its own.
class Reporter {
  public:
    using IsConnected = std::function<bool()>;
    using AskQueue = std::function<std::optional<QueueDepth>(const std::stop_token& end)>;

    // `connected`: where this worker says it; false again when the reporter ends. `ask_queue`: one of all the
    // workers calls it every two seconds. The thread calls both functions; what is referred to must outlive
    // it.
    Reporter(std::atomic<bool>& connected, QueueGauges& queue, IsConnected is_connected, AskQueue ask_queue);
    ~Reporter();
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

  private:
    void report_until(const std::stop_token& end) const;
    void ask_if_due(const std::stop_token& end) const;

    std::atomic<bool>& connected_;
    QueueGauges& queue_;
    const IsConnected is_connected_;
    const AskQueue ask_queue_;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace bw::metrics
