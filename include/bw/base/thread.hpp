// The bodies of threads, and what other libraries call in their own threads.
#pragma once

#include <functional>

namespace bw {

// Runs the body of a thread. An exception that leaves it would end the process without a word: here it
// becomes the error line and the exit code of its kind (kInternal, if it is no Error), and the process ends
// at once. Any thread.
void run_or_exit(const std::function<void()>& body) noexcept;

}  // namespace bw
