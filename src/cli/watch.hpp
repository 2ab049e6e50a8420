// The queue once a second: `bw status --watch`; and `bw status --until-empty`, which waits for its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "bw/config.hpp"
#include "bw/protocol.hpp"
#include "bw/queue/failures.hpp"
#include "status.hpp"

namespace bw {

// The looks at the queue of the last seconds. One thread at a time.
class QueueHistory {
  public:
    using Time = std::chrono::steady_clock::time_point;

    void add(Time time, const QueueNumbers& numbers);
    bool has_rates() const { return looks_.size() > 1; }

    // Fills `status` with the numbers of the last look and, once there are rates, with those since the
    // oldest.
    void note(Status& status) const;

    // At the last two looks nothing waited and nothing was in work: one alone may see a job between its last
    // delivery and its death.
    bool stays_empty() const;

  private:
    struct Look {
        Time time;
        QueueNumbers numbers;
    };
    std::deque<Look> looks_;
};

// How long what waits and is in work takes at the rate of jobs done; nothing where none is done, or none is
// there.
std::optional<std::chrono::seconds> time_left(const Status& status);

// What a watch shows.
struct View {
    ServerTime time{};
    Status status;                       // the last that is known
    std::string lost{};                  // why nothing is known any more; empty: all is well
    std::optional<Failures> failures{};  // nothing where no records can be read
    std::string no_failures{};           // why, where the stream of records is there
};

// One line, with its end.
std::string to_line(const View& view);
std::string to_json_line(const View& view);
// The lines of a screen, each with its end.
std::string to_screen(const View& view);

}  // namespace bw

namespace bw::cli {

struct WatchOptions {
    bool shown = false;  // each second; else only the end of it
    bool json = false;
    bool until_empty = false;
};

// Connects and watches until SIGTERM or SIGINT comes, or until the queue is empty where that is asked for. To
// be called before any other thread starts. A lost connection, and a JetStream that stops answering, are
// waited out. Throws Error: as `bw status` does for the first look; with until_empty what verdict() says, and
// kStopped for a signal; kOutput where nobody reads any more.
void watch_queue(const Config& config, const WatchOptions& options);

}  // namespace bw::cli
