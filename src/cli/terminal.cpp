#include "terminal.hpp"

#include <unistd.h>

#include <iostream>

namespace bw::cli {

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool says_yes(const std::string& question) {
    std::cerr << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer.starts_with('y') || answer.starts_with('Y');
}

Progress::Progress() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& text) {
    constexpr std::chrono::milliseconds kPause{100};
    const auto now = std::chrono::steady_clock::now();
    if (!is_terminal_ || now - last_ < kPause) return;
    last_ = now;
    is_shown_ = true;
    std::cerr << "\r\x1b[K" << text << std::flush;
}

void Progress::clear() {
    if (is_shown_) std::cerr << "\r\x1b[K" << std::flush;
    is_shown_ = false;
}

}  // namespace bw::cli
