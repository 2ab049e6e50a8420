// The deliveries that failed lately, as workers have written them to the results stream.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "bw/protocol/record.hpp"
#include "bw/queue/streams.hpp"

namespace bw {

struct Failures {
    std::map<std::string, std::uint64_t> by_kind{};
    std::optional<Record> last{};
};

// Reads on from where it stopped. One thread at a time. The connection must outlive it.
class FailureReader {
  public:
    FailureReader(Connection& connection, const QueueNames& names);

    // The failures among the messages that the results stream got since the reader was made, and among some
    // hundreds before. Of a flood only the end is read, so that a call takes less than a second. Throws
    // Error, as StreamReader does; a later call reads on.
    const Failures& read();

  private:
    void note(const std::string& payload);

    const std::string pattern_;
    StreamReader results_;
    std::uint64_t seen_ = 0;  // the number of the last message that was read
    bool has_begun_ = false;
    Failures failures_;
};

}  // namespace bw
