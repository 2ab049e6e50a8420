#include "bw/queue/failures.hpp"

#include <algorithm>

namespace bw {
namespace {

constexpr std::uint64_t kLookBack = 500;
constexpr std::uint64_t kMostAtOnce = 5000;

}  // namespace

FailureReader::FailureReader(Connection& connection, const QueueNames& names)
    : pattern_(record_subjects(names, Record::Outcome::kFailed)), results_(connection, names.results) {}

const Failures& FailureReader::read() {
    const auto last = results_.last_messages({pattern_}).front();
    const std::uint64_t end = last ? last->sequence : 0;
    if (end < seen_) seen_ = 0;  // the stream was made anew
    const std::uint64_t most = has_begun_ ? kMostAtOnce : kLookBack;
    const std::uint64_t first = std::max(seen_ + 1, end - std::min(end, most - 1));
    if (end >= first) {
        for (const auto& message : results_.messages(pattern_, first, end)) note(message.payload);
    }
    seen_ = end;
    has_begun_ = true;
    return failures_;
}

void FailureReader::note(const std::string& payload) {
    auto record = read_record(payload);
    if (!record) return;
    ++failures_.by_kind[record->kind];
    failures_.last = *std::move(record);
}

}  // namespace bw
