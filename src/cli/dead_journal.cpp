#include "dead_journal.hpp"

#include <charconv>
#include <thread>

#include "bw/base/log.hpp"
#include "bw/protocol.hpp"
#include "output.hpp"

namespace bw::cli {
namespace {

// With more jobs than these, only what is odd has a line.
constexpr std::size_t kMostLines = 20;

std::optional<unsigned> read_rate(const Invocation& invocation) {
    const auto flag = invocation.flags.find("--rate");
    if (flag == invocation.flags.end()) return std::nullopt;
    const std::string& text = flag->second;
    unsigned rate = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (error == std::errc() && end == text.data() + text.size() && rate > 0) return rate;
    throw Error(ErrorKind::kConfiguration, "command line",
                "--rate " + text + " is wrong: a whole number of jobs a second, from 1 on, is right");
}

}  // namespace

Journal::Journal(const Invocation& invocation, std::string_view done, std::size_t total)
    : done_word_(done),
      total_(total),
      json_(invocation.flags.contains("--json")),
      rate_(read_rate(invocation)) {}

bool Journal::run(std::uint64_t sequence, const std::string& id, const std::function<Step()>& step) {
    pace();
    bool goes_on = true;
    try {
        const Step result = step();
        const bool is_done = result.outcome == Step::Outcome::kDone;
        ++(is_done ? done_ : skipped_);
        say(sequence, id, is_done ? std::string_view(done_word_) : "skipped", result);
    } catch (const Error& failure) {
        if (failure.kind() == ErrorKind::kOutput) throw;  // of print()
        failed(sequence, id, failure);
        goes_on = failure.kind() == ErrorKind::kJob;
    }
    progress_.show(done_word_ + " " + std::to_string(done_) + " of " + std::to_string(total_) + ", skipped " +
                   std::to_string(skipped_) + ", failed " + std::to_string(failed_));
    return goes_on;
}

void Journal::pace() {
    if (!rate_) return;
    const auto before =
        std::chrono::duration<double>(static_cast<double>(done_ + skipped_ + failed_) / *rate_);
    std::this_thread::sleep_until(begin_ + before);
}

void Journal::say(std::uint64_t sequence, const std::string& id, std::string_view outcome, const Step& step) {
    if (json_) {
        JsonObject json;
        json.number("seq", sequence);
        if (!id.empty()) json.text("id", id);
        json.text("outcome", outcome).text("what", step.what);
        if (step.new_sequence) json.number("new_seq", *step.new_sequence);
        print(log::printable_json(json.str()) + "\n");
        return;
    }
    if (total_ > kMostLines && !step.is_odd) return;
    progress_.clear();
    print(log::printable(std::to_string(sequence) + " " + id + ": " + step.what) + "\n");
}

void Journal::failed(std::uint64_t sequence, const std::string& id, const Error& failure) {
    ++failed_;
    if (!first_failure_) first_failure_ = failure;
    const std::string what = "failed: " + std::string(failure.what()) + " (" + failure.where() + ")";
    say(sequence, id, "failed", {.outcome = Step::Outcome::kSkipped, .what = what, .is_odd = true});
}

void Journal::finish() {
    progress_.clear();
    const std::size_t tried = done_ + skipped_ + failed_;
    if (!json_) {
        std::string sums = done_word_ + " " + std::to_string(done_) + ", skipped " +
                           std::to_string(skipped_) + ", failed " + std::to_string(failed_);
        if (tried < total_) sums += ", not tried " + std::to_string(total_ - tried);
        print(sums + "\n");
    }
    if (!first_failure_) return;
    std::string text = std::to_string(failed_) + " of " + std::to_string(total_) + " jobs failed";
    if (tried < total_) text += ", " + std::to_string(total_ - tried) + " were not tried";
    throw Error(first_failure_->kind(), first_failure_->where(), text + ": " + first_failure_->what());
}

}  // namespace bw::cli
