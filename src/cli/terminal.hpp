// Somebody who sits at a terminal: is asked, and sees how far a command has come.
#pragma once

#include <chrono>
#include <string>

namespace bw::cli {

// Whether somebody sits there who sees what we write to standard error, and types what we read.
bool can_ask();

// Asks on standard error; whether the answer begins with a y.
bool says_yes(const std::string& question);

// How far a command has come, as one line of standard error that is written over; nothing where standard
// error is no terminal. One thread.
class Progress {
  public:
    Progress();
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // At most ten times a second.
    void show(const std::string& text);

    // To be called before anything else is written.
    void clear();

  private:
    const bool is_terminal_;
    bool is_shown_ = false;
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace bw::cli
