// The bodies of threads, and the functions that other libraries call in threads of theirs.
#pragma once

namespace bw {

// Writes the error line of the exception that is being handled (kInternal, if it is no Error), and ends the
// process at once with the exit code of its kind. To be called in a catch clause. Any thread.
[[noreturn]] void report_and_exit() noexcept;

// Runs the body of a thread. An exception that leaves it would end the process without a word: here
// report_and_exit() ends it. Any thread.
template <typename Body>
void run_or_exit(const Body& body) noexcept {
    try {
        body();
    } catch (...) {
        report_and_exit();
    }
}

}  // namespace bw
