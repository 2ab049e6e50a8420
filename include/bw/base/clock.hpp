// Clocks: how long the parts of a job take, and a time that processes can compare.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace bw {

// Milliseconds of the steady clock, which all processes of a machine share. Any thread.
inline std::int64_t steady_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// One thread at a time.
class Stopwatch {
  public:
    // Returns the time since the last lap, or since the watch was made.
    std::chrono::microseconds lap() {
        const auto before = std::exchange(last_, std::chrono::steady_clock::now());
        return std::chrono::duration_cast<std::chrono::microseconds>(last_ - before);
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace bw
