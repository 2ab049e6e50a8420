// What a command does with jobs, one after the other: a line for each, how far it has come, and the sums.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/error.hpp"
#include "command.hpp"
#include "terminal.hpp"

namespace bw::cli {

// How it went with one job.
struct Step {
    enum class Outcome { kDone, kSkipped };
    Outcome outcome = Outcome::kDone;
    std::string what;  // "sent again as 31"; or why it was skipped
    std::optional<std::uint64_t> new_sequence{};
    bool is_odd = false;  // it is said even where many lines would be
};

class Journal {
  public:
    // `done` is the word for a job that went well: "retried". Throws Error (kConfiguration) for a wrong
    // --rate.
    Journal(const Invocation& invocation, std::string_view done, std::size_t total);

    // Runs `step` for a job, waiting before it as --rate asks. False: JetStream did not answer or refused, so
    // that it would not the next time either.
    bool run(std::uint64_t sequence, const std::string& id, const std::function<Step()>& step);

    // Prints the sums; throws Error, of the first failure's kind, if any job failed.
    void finish();

  private:
    void pace();
    void say(std::uint64_t sequence, const std::string& id, std::string_view outcome, const Step& step);
    void failed(std::uint64_t sequence, const std::string& id, const Error& failure);

    const std::string done_word_;
    const std::size_t total_;
    const bool json_;
    std::optional<unsigned> rate_;  // jobs a second
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::size_t done_ = 0;
    std::size_t skipped_ = 0;
    std::size_t failed_ = 0;
    std::optional<Error> first_failure_;
    Progress progress_;
};

}  // namespace bw::cli
