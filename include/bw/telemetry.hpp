// What the workers of one parent count, on a board in memory that they share with it. The board outlives
// each of them, so the sums stand whoever ends, and however. Every number on it is a lock-free atomic, which
// any thread of any of the processes may change; what belongs together (the sum and the buckets of a
// histogram) may be seen a moment apart, which Prometheus allows.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bw/base/error.hpp"

namespace bw::metrics {

using Count = std::atomic<std::uint64_t>;
static_assert(Count::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a lock would not work between processes, nor be let go by one that was killed");

// The parts of a job, in their order. kQueue: the advisory and the acknowledgement.
enum class Stage { kRead, kDecode, kMonochrome, kEncode, kCommit, kQueue };
inline constexpr std::array<std::string_view, 6> kStageNames{"read",   "decode", "monochrome",
                                                             "encode", "commit", "queue"};

// Upper bounds in seconds; the last bucket has none.
inline constexpr std::array<double, 13> kBucketSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,  0.5,    1,     2.5,  5,     10};

struct Histogram {
    std::array<Count, kBucketSeconds.size() + 1> buckets{};  // each without those below it
    Count sum_us{};

    void add(std::chrono::microseconds time);
};

// One worker's place. Cleared by the parent before it starts the next worker on it.
struct Seat {
    std::atomic<std::int64_t> alive_ms{};  // steady clock, one for all processes; 0: it does not fetch yet
    std::atomic<bool> connected{};         // and bound to the consumer
    std::atomic<bool> has_fetched{};       // a job, since it was started
    std::atomic<bool> job_in_hand{};

    void beat();  // the worker goes on
    void clear();
};

// What JetStream says of the queue; written by one of the workers every few seconds.
struct Queue {
    std::atomic<std::int64_t> asked_ms{};     // steady clock
    std::atomic<std::int64_t> answered_ms{};  // 0: never
    Count pending{};
    Count ack_pending{};
    Count redelivered{};
    Count dead{};
};

// Why a worker was started again.
enum class Restart { kFailed, kCrashed, kHung, kRetired };
inline constexpr std::array<std::string_view, 4> kRestartNames{"failed", "crashed", "hung", "retired"};

inline constexpr std::size_t kMostWorkers = 256;
inline constexpr std::size_t kErrorKinds = 16;  // more than there are; by the number of an ErrorKind

struct Board {
    // Counted by the workers.
    Count deliveries{};
    Count redeliveries{};  // of those, the second to the fifth of a job
    Count jobs_done{};
    Count jobs_forgotten{};  // done, but the server had forgotten the delivery: the job comes again
    Count input_bytes{};     // of jobs that were done or forgotten, as all that follow
    Count output_bytes{};
    Count input_pixels{};  // over all frames
    Count output_pixels{};
    std::array<Histogram, kStageNames.size()> stages{};
    Queue queue{};
    // Counted by the parent, which sees how a worker ended.
    Count jobs_failed{};
    Count jobs_given_back{};  // at a hard stop
    Count jobs_crashed{};     // their worker was killed
    std::array<Count, kErrorKinds> errors{};
    std::array<Count, kRestartNames.size()> restarts{};
    std::atomic<std::int64_t> parent_alive_ms{};  // steady clock
    std::atomic<std::uint32_t> workers{};         // seats in use
    // A worker has begun to remove what the dead left in OUTDIR, and none has died since.
    std::atomic<bool> swept{};
    std::array<Seat, kMostWorkers> seats{};

    Histogram& stage(Stage of) { return stages[static_cast<std::size_t>(of)]; }
    // Never more than there are: a worker that was taken over can write any number.
    std::span<const Seat> seats_in_use() const;
};

// The board, as this process has it mapped. Owns the mapping, not the descriptor.
class SharedBoard {
  public:
    // A new one, all zero. Throws Error (kInternal) without memory.
    SharedBoard();
    // The parent's, in a worker that it started.
    explicit SharedBoard(int descriptor);
    ~SharedBoard();
    SharedBoard(const SharedBoard&) = delete;
    SharedBoard& operator=(const SharedBoard&) = delete;

    Board& operator*() const { return *board_; }
    Board* operator->() const { return board_; }
    // For the workers to inherit; it closes on exec unless who starts them says otherwise.
    int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
    Board* board_;
};

// What the page says beside the numbers.
struct Labels {
    std::string version;
    std::string stream;
    std::string consumer;
};

// The board over HTTP: GET /metrics, for Prometheus; /healthz, 200 while the parent stamps the board, and
// /readyz, 200 while a worker is connected and bound, else 503. By threads of its own, which have the signal
// mask of the caller's and end with it.
class Server {
  public:
    virtual ~Server() = default;
    virtual std::string url() const = 0;  // of /metrics; with the port that port 0 has become
};

// `address`: host:port, or :port for all addresses. The board must outlive the server. Throws Error
// (kConfiguration) if it cannot listen there.
std::unique_ptr<Server> serve(const Board& board, const Labels& labels, const std::string& address);

// Milliseconds of the steady clock, which all processes of a machine share.
std::int64_t now_ms();

}  // namespace bw::metrics
