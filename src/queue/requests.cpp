#include "requests.hpp"

#include <algorithm>
#include <map>

#include "bw/base/error.hpp"
#include "message.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{250};
constexpr milliseconds kAskAgain{2000};
constexpr milliseconds kPatience{15'000};

}  // namespace

Requests::Requests(Connection& connection, const std::string& call, std::stop_token stop)
    : connection_(connection),
      subject_("$JS.API." + call),
      stop_(std::move(stop)),
      inbox_(connection, [this](std::string_view name, natsMsg* message) {
          const std::scoped_lock lock(mutex_);
          answers_.push_back({std::string(name), std::string(payload_of(message))});
          changed_.notify_all();
      }) {}

void Requests::run(std::size_t lanes, const Next& next, const Answered& answered) {
    lanes_.assign(lanes, Lane{});
    std::map<std::string, std::size_t, std::less<>> in_flight;
    const auto go_on = [&](std::size_t number) {
        advance(number, next);
        if (!lanes_[number].name.empty()) in_flight[lanes_[number].name] = number;
    };
    for (std::size_t number = 0; number < lanes; ++number) go_on(number);
    auto last_answer = steady_clock::now();
    while (!in_flight.empty()) {
        const auto answers = wait_for_answers();
        if (stop_.stop_requested()) throw Error(ErrorKind::kStopped, subject_, "stopped while it was asked");
        for (const Answer& answer : answers) {
            const auto lane = in_flight.find(answer.name);
            if (lane == in_flight.end()) continue;  // a second answer, to a request that was sent again
            const std::size_t number = lane->second;
            if (!answered(number, answer.text)) continue;
            last_answer = steady_clock::now();
            in_flight.erase(lane);
            go_on(number);
        }
        if (!answers.empty()) continue;
        if (connection_.refused(subject_) || steady_clock::now() - last_answer > kPatience)
            no_answer(connection_, subject_);
        ask_again();
    }
}

void Requests::advance(std::size_t number, const Next& next) {
    Lane& lane = lanes_[number];
    lane.name.clear();
    auto body = next(number);
    if (!body) return;
    lane.body = *std::move(body);
    lane.name = std::to_string(++last_name_);
    send(lane);
}

// What libnats does not take is sent again later.
void Requests::send(Lane& lane) {
    natsConnection_PublishRequestString(connection_.get(), subject_.c_str(),
                                        inbox_.subject(lane.name).c_str(), lane.body.c_str());
    lane.sent = steady_clock::now();
}

std::deque<Requests::Answer> Requests::wait_for_answers() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLook, [this] { return !answers_.empty(); });
    return std::exchange(answers_, {});
}

void Requests::ask_again() {
    const auto now = steady_clock::now();
    for (Lane& lane : lanes_) {
        if (!lane.name.empty() && now - lane.sent > kAskAgain) send(lane);
    }
}

}  // namespace bw
