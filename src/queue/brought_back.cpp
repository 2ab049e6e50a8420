#include "bw/queue/brought_back.hpp"

#include <algorithm>

#include "bw/base/error.hpp"
#include "bw/queue/dead.hpp"
#include "connection.hpp"

namespace bw {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kMostDead = 5000;
constexpr int kShare = 10;
constexpr std::chrono::minutes kOutdated{5};

}  // namespace

BroughtBack::BroughtBack(Connection& connection, const QueueNames& names)
    : connection_(connection), names_(names) {
    // A worker does without.
    for (const auto& stream : {names.stream, names.results}) {
        connection.tolerate_refusal("$JS.API.STREAM.MSG.GET." + stream);
    }
}

std::uint64_t BroughtBack::count(std::uint64_t dead, const std::stop_token& stop) {
    if (dead == 0 || names_.results.empty()) return 0;
    const auto begin = steady_clock::now();
    const bool due = begin >= (dead == looked_at_ ? again_after_ : next_look_);
    if (due && dead <= kMostDead) {
        looked_at_ = dead;
        try {
            found_ = look(stop);
            next_look_ = steady_clock::now() + (steady_clock::now() - begin) * kShare;
        } catch (const Error&) {
            next_look_ = steady_clock::now() + kOutdated;
        }
        again_after_ = steady_clock::now() + kOutdated;
    }
    return std::min(dead, found_);
}

std::uint64_t BroughtBack::look(const std::stop_token& stop) {
    // Most queues have none, and a stream without records tells nothing.
    StreamReader results(connection_, names_.results, stop);
    if (!results.last_messages({record_subjects(names_, Record::Outcome::kDone)}).front()) return 0;
    const auto dead = find_dead(connection_, names_, stop);
    // A killed server may count jobs in work for ever that are gone, and then little is proven. What has a
    // record of done and is in work after all, since its acknowledgement is on its way, is few and soon gone.
    return dead.unproven_done +
           static_cast<std::uint64_t>(std::ranges::count_if(dead.jobs, &DeadJob::is_done));
}

}  // namespace bw
