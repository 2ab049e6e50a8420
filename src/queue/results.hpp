// The results stream, as a worker writes to it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "bw/queue/streams.hpp"
#include "connection.hpp"

namespace bw {

// Any thread, but for find().
class Results {
  public:
    // The connection and the answers must outlive the results.
    Results(Connection& connection, Answers& answers, QueueNames names)
        : connection_(connection), answers_(answers), names_(std::move(names)) {}

    // Looks for the stream, once, and says so where there is none for us: then store() has nothing to do.
    // False if JetStream did not answer. Throws Error (kDifference) where the stream is there and cannot take
    // records.
    bool find();

    bool is_there() const { return there_; }

    // Why the stream did not take a message when find() returned false, if it answered to one.
    const std::optional<std::string>& problem() const { return problem_; }

    // Whether a message on the subject would pass for a record, of ours or of another queue.
    bool takes(std::string_view subject) const {
        return matches("RESULTS." + names_.stream + ".>", subject) ||
               matches("RESULTS.*.*.done.*", subject) || matches("RESULTS.*.*.failed.*", subject);
    }

    // Publishes the record, with the headers of the delivery's trace, and waits for the stream's answer. The
    // result is empty where the record is stored, or was stored before, and else says why it is not.
    std::optional<std::string> store(const Record& record, const std::optional<Trace>& trace,
                                     std::chrono::milliseconds timeout);

  private:
    enum class Found { kYes, kNo, kNoAnswer };
    Found look();
    Found probe();
    std::optional<std::string> publish(const std::string& subject, std::string_view body,
                                       const std::vector<Header>& headers, std::chrono::milliseconds timeout);

    Connection& connection_;
    Answers& answers_;
    const QueueNames names_;
    std::atomic<bool> there_ = false;
    std::optional<std::string> problem_;
};

}  // namespace bw
