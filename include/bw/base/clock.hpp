// How long the parts of a job take. One thread at a time.
#pragma once

#include <chrono>
#include <utility>

namespace bw {

class Stopwatch {
  public:
    // Since the last lap, or since it was made.
    std::chrono::microseconds lap() {
        const auto before = std::exchange(last_, std::chrono::steady_clock::now());
        return std::chrono::duration_cast<std::chrono::microseconds>(last_ - before);
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace bw
