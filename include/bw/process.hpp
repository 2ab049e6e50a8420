// The parent of worker processes: starts them, starts again those that end, ends those that hang, and passes
// a stop on. It knows a worker by how it ends and by its seat on the board; jobs, queue and pictures are the
// workers' own. One thread; the board may be read by others meanwhile.
//
//  - A worker that ends with a job in hand is started again at once: the queue spaces the tries of a job that
//    fails, and good ones wait. So is one that ended well though nobody asked it to, if it has fetched.
//  - Any other has not come to work, and the next would not either: it waits 1, 2, 4 … 30 s, from 1 again
//    once a worker on that seat has fetched a job.
//  - A worker that does not say that it goes on is killed, and then as above.
//  - After a stop none is started. Whoever does not end in time is killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/telemetry.hpp"

namespace bw {

// A worker of a parent stops softly at SIGTERM, however many come: what ends the parent may well be sent to
// the whole group of processes. This one, from the parent, is the hard stop.
inline constexpr int kHardStopSignal = SIGUSR2;

// What a worker is told on its command line by the parent that starts it, as --supervised=BOARD:SEAT.
inline constexpr std::string_view kSupervisedFlag = "--supervised";
struct Supervised {
    int board;         // the descriptor
    std::size_t seat;  // from 0; for people from 1
};
std::optional<Supervised> read_supervised(std::string_view value);

struct Ended {
    pid_t pid;
    int code;    // 0 where there was a signal
    int signal;  // 0: none
};

// The seam between the parent's rules and the system.
class Processes {
  public:
    virtual ~Processes() = default;

    virtual std::chrono::milliseconds now() = 0;  // as metrics::now_ms()

    // A new worker for the seat; its process id, or 0 where the system has no room for one, which is logged.
    virtual pid_t start(std::size_t seat) = 0;

    // To one that next_ended() has not returned yet.
    virtual void signal(pid_t pid, int number) = 0;

    // Of those that have ended since, if any. Does not wait.
    virtual std::optional<Ended> next_ended() = 0;

    // Waits until some have ended, a stop comes, or `limit` is over. SIGTERM or SIGINT where it is a stop.
    virtual int wait(std::chrono::milliseconds limit) = 0;
};

// Workers are this program, started with the same words and kSupervisedFlag; if the thread that starts them
// ends they stop softly. Made before any other thread is, since the signals that it waits for must be blocked
// in all. `words`: the command line with the program's name. The descriptor must stay open.
std::unique_ptr<Processes> system_processes(std::vector<std::string> words, int board_descriptor);

struct SupervisorSettings {
    std::size_t workers = 1;  // to metrics::kMostWorkers
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds stop_grace{};
};

class Supervisor {
  public:
    // What is referred to must outlive it.
    Supervisor(const SupervisorSettings& settings, Processes& processes, metrics::Board& board);

    // Returns after a stop, when all have ended. Throws Error if the last worker of a seat did not end well,
    // with the kind of failure of the first such seat.
    void run();

  private:
    // What the parent knows of the worker on a seat, or of the last there.
    struct Post {
        metrics::Seat* seat;
        log::Fields worker;  // worker=NUMBER, for the log
        pid_t pid = 0;       // 0: there is none
        std::chrono::milliseconds started{};
        bool killed = false;  // by us
        int code = 0;         // how the last ended; killed by a signal: a defect
        std::optional<metrics::Restart> reason{};
        int failures = 0;                   // in a row
        std::chrono::milliseconds again{};  // when the next is started
    };

    void look_at(Post& post);
    void start(Post& post);
    void kill(Post& post);
    void stop(int signal);
    void note_end(const Ended& ended);
    void count(const Ended& ended, bool job_in_hand);
    std::chrono::milliseconds pause_after(Post& post, bool at_once);
    std::chrono::milliseconds deadline_of(const Post& post) const;
    bool is_over() const;
    void judge() const;

    const SupervisorSettings settings_;
    Processes& processes_;
    metrics::Board& board_;
    std::vector<Post> posts_;
    std::chrono::milliseconds now_{};
    std::chrono::milliseconds fresh_{};                       // nobody could say anything before
    std::optional<std::chrono::milliseconds> stop_deadline_;  // there was a stop
};

// How many workers this process has cores for: what its affinity and its cgroup's CPU limit (of version 2 or
// 1, its own or one above) allow, rounded down, at least 1. `root`: of the file system, for tests.
std::size_t usable_cores(const std::string& root = "");

}  // namespace bw
