// How worker processes live: what they share with their parent, the parent that keeps them running, the stop
// signals and the retirement of a single worker, and how many workers this machine has cores for.
// It knows a worker process by how it ends and by its slot; jobs, queue and pictures are the workers' own.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/telemetry.hpp"

namespace bw {

// ---- What parent and workers share ----

// Memory that processes share, zeroed and sealed: none of them can make it smaller, which would end whoever
// reads it. Owns this process's mapping, not the descriptor. T must be good as zero bytes, and all that
// threads or processes change in it must be lock-free atomics.
class SharedBytes {
  public:
    explicit SharedBytes(std::size_t size);         // new; throws Error (kInternal) without memory
    SharedBytes(int descriptor, std::size_t size);  // of a descriptor that this process has inherited
    ~SharedBytes();
    SharedBytes(const SharedBytes&) = delete;
    SharedBytes& operator=(const SharedBytes&) = delete;

    void* data() const { return data_; }
    // Workers inherit it. It closes on exec, unless the code that starts them lets it stay open.
    int descriptor() const { return descriptor_; }

  private:
    int descriptor_;
    std::size_t size_;
    void* data_;
};

template <typename T>
class SharedMemory {
    static_assert(std::is_trivially_destructible_v<T> && std::is_standard_layout_v<T>);

  public:
    SharedMemory() : bytes_(sizeof(T)) {}
    explicit SharedMemory(int descriptor) : bytes_(descriptor, sizeof(T)) {}

    T& operator*() const { return *static_cast<T*>(bytes_.data()); }
    T* operator->() const { return &**this; }
    int descriptor() const { return bytes_.descriptor(); }

  private:
    SharedBytes bytes_;
};

// One worker process says here how it is. The parent clears the slot before it starts the next worker there.
struct Slot {
    std::atomic<std::int64_t> alive_ms{};  // steady_ms() of its last sign of life; 0 until it fetches
    std::atomic<bool> connected{};         // and bound to the consumer
    std::atomic<bool> has_fetched{};       // a job, since it was started
    std::atomic<std::uint32_t> jobs_in_hand{};
    std::atomic<bool> was_ready{};  // this worker or an earlier one of the slot; it is not cleared

    void say_alive();
    void clear();
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a lock would not work between processes, and a killed process would never release it");

inline constexpr std::size_t kMaxWorkers = 256;

// The slots of all workers of one parent. All zero bytes: no worker was started yet.
struct SlotTable {
    std::atomic<std::uint32_t> workers{};  // so many slots, from the first, are in use
    // A worker has begun to remove what dead workers left in OUTDIR, and no worker has died since.
    std::atomic<bool> outdir_swept{};
    std::array<Slot, kMaxWorkers> slots{};

    // It never has more slots than there are, though a worker that was taken over can write any number.
    std::span<const Slot> in_use() const;
};

// ---- Worker processes ----

// A worker of a parent stops softly at SIGTERM, however many of them come, because a signal that is meant for
// the parent may well reach the whole group of processes. The parent sends this one for the hard stop.
inline constexpr int kHardStopSignal = SIGUSR2;

// The parent tells its worker these numbers on the command line, as --supervised=MEMORY:SLOT.
inline constexpr std::string_view kSupervisedFlag = "--supervised";
struct Supervised {
    int memory;        // the descriptor of the shared memory
    std::size_t slot;  // from 0; people count workers from 1
};
std::optional<Supervised> read_supervised(std::string_view value);

// How a process ended.
struct ProcessEnd {
    pid_t pid;
    int code;    // 0 where there was a signal
    int signal;  // 0: none
};

// The seam between the supervisor's rules and the system.
class Processes {
  public:
    virtual ~Processes() = default;

    virtual std::chrono::milliseconds now() = 0;  // as steady_ms()

    // Starts a worker for the slot, and returns its process id. Logs and returns 0 where the system has no
    // room for one.
    virtual pid_t start(std::size_t slot) = 0;

    // Sends a signal to a process that next_ended() has not returned yet.
    virtual void signal(pid_t pid, int number) = 0;

    // Returns one of the processes that have ended since, if there is one. Does not wait.
    virtual std::optional<ProcessEnd> next_ended() = 0;

    // Waits until a process has ended, a stop comes, or `limit` is over. Returns SIGTERM or SIGINT where it
    // was a stop, else 0.
    virtual int wait(std::chrono::milliseconds limit) = 0;
};

// Workers are this program, started with the same words and kSupervisedFlag. They stop softly if the thread
// that started them ends. To be called before any other thread starts, since the signals that it waits for
// must be blocked in all threads. `words`: the command line with the program's name. `memory`: the shared
// memory's descriptor, which must stay open.
std::unique_ptr<Processes> system_processes(std::vector<std::string> words, int memory);

// ---- The parent ----

struct SupervisorSettings {
    std::size_t workers = 1;  // to kMaxWorkers
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds stop_grace{};
};

// Starts the worker processes, starts again those that end, kills those that hang, and passes a stop on. One
// thread; others may read the slots and the counters meanwhile.
//
//  - A worker that ends with a job in hand is started again at once: the queue spaces the tries of a job that
//    fails, and good jobs wait. So is one that has fetched and ended well though nobody asked it to.
//  - Any other worker has not come to work, and the next would not either: the parent waits 1, 2, 4 … 30 s,
//    from 1 again once a worker of that slot has fetched a job.
//  - A worker that gives no sign of life is killed, and then as above.
//  - After a stop none is started. A worker that does not end in time is killed.
class Supervisor {
  public:
    // Processes, table and counters must outlive it.
    Supervisor(const SupervisorSettings& settings, Processes& processes, SlotTable& table,
               metrics::Counters& counters);

    // Returns after a stop, when all workers have ended. Throws Error if the last worker of a slot did not
    // end well, with the kind of failure of the first such slot.
    void run();

  private:
    // The worker process of a slot, or what is known of the last one there.
    struct WorkerProcess {
        Slot* slot;
        log::Fields worker;  // worker=NUMBER, for the log
        pid_t pid = 0;       // 0: there is none
        std::chrono::milliseconds started{};
        bool killed = false;  // by us
        int code = 0;         // how the last ended; killed by a signal: a defect
        std::optional<metrics::Restart> reason{};
        int failures = 0;  // in a row
        std::chrono::milliseconds next_start{};
    };

    void start_or_kill(WorkerProcess& worker);
    void start(WorkerProcess& worker);
    void kill(WorkerProcess& worker);
    void stop(int signal);
    void note_end(const ProcessEnd& end);
    void count(const ProcessEnd& end, std::uint32_t jobs_in_hand);
    std::chrono::milliseconds pause_before_restart(WorkerProcess& worker, bool at_once);
    std::chrono::milliseconds kill_time_of(const WorkerProcess& worker) const;
    bool is_over() const;
    void throw_if_any_failed() const;

    const SupervisorSettings settings_;
    Processes& processes_;
    SlotTable& table_;
    metrics::Counters& counters_;
    std::vector<WorkerProcess> workers_;
    std::chrono::milliseconds now_{};
    std::chrono::milliseconds awake_since_{};                 // no worker could give a sign of life before
    std::optional<std::chrono::milliseconds> stop_deadline_;  // there was a stop
};

// ---- A worker ----

// From now on no stop signal ends the process, and a signal that comes before there is a StopSignals stays
// pending for it. To be called before any other thread starts, since threads inherit the mask.
void block_stop_signals();

// Whose stop signals a worker obeys.
enum class StoppedBy { kAnybody, kParent };

// Signals as stop tokens, from a thread that waits for the blocked signals. To a worker on its own SIGTERM
// and SIGINT are the same: the first is the soft stop, the second the hard one. To a worker of a parent,
// SIGTERM is the soft stop and kHardStopSignal the hard one; a terminal sends SIGINT to it too, which is for
// the parent. The end of the grace time is a hard stop as well. A process that still hangs a few seconds
// later is ended with exit code 8.
class StopSignals {
  public:
    StopSignals(std::chrono::milliseconds grace, StoppedBy by);
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    std::stop_token soft() const { return soft_.get_token(); }
    std::stop_token hard() const { return hard_.get_token(); }

  private:
    using Signals = std::vector<int>;

    void wait(std::chrono::milliseconds grace, const Signals& soft, const Signals& hard);
    int next_of(const Signals& wanted, std::chrono::milliseconds time) const;

    std::stop_source soft_;
    std::stop_source hard_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

// Knows when a worker has done enough and is to end, so that its parent starts another: not every library
// gives all memory back.
class Retirement {
  public:
    // A worker retires after so many jobs, or once so many bytes are resident after a job; 0 means never. To
    // be made before the sandbox closes /proc.
    Retirement(std::uint64_t jobs, std::uint64_t resident_bytes);
    ~Retirement();
    Retirement(const Retirement&) = delete;
    Retirement& operator=(const Retirement&) = delete;

    // Counts a job. Returns true once the worker is to end, and then the log says why.
    bool due_after_job();

  private:
    std::uint64_t resident_bytes() const;

    const std::uint64_t max_jobs_;
    const std::uint64_t max_bytes_;
    const int statm_;
    std::uint64_t jobs_ = 0;
};

// ---- The machine ----

// How many workers this process has cores for: what its affinity and its cgroup's CPU limit (of version 2 or
// 1, its own or one above) allow, rounded down, at least 1. `root`: of the file system, for tests.
std::size_t usable_cores(const std::string& root = "");

}  // namespace bw
