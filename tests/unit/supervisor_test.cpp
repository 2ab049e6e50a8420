#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <map>

#include "bw/process.hpp"

// The parent's rules are tested here with workers that are only numbers, and with a clock that a wait moves.
// tests/e2e/test_workers.py tests them with real processes.
namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr milliseconds kDay = std::chrono::hours(24);

class FakeProcesses : public Processes {
  public:
    struct Started {
        milliseconds at;
        std::size_t slot;
    };
    struct Sent {
        milliseconds at;
        std::size_t slot;
        int signal;
        bool operator==(const Sent&) const = default;
    };

    milliseconds now() override { return now_; }

    pid_t start(std::size_t slot) override {
        if (full_) return 0;
        started_.push_back({now_ - kDay, slot});
        slots_[++last_] = slot;
        living_[slot] = last_;
        if (code_at_once_ != 0) end(slot, code_at_once_);
        return last_;
    }

    void signal(pid_t pid, int number) override {
        sent_.push_back({now_ - kDay, slots_.at(pid), number});
        if (number == SIGKILL ? dies_ : obeys_) end(slots_.at(pid), 0, number == SIGKILL ? SIGKILL : 0);
    }

    std::optional<ProcessEnd> next_ended() override {
        if (ended_.empty()) return std::nullopt;
        const ProcessEnd first = ended_.front();
        ended_.pop_front();
        return first;
    }

    // Runs what the test has planned, each at its time. Nothing else takes time.
    int wait(milliseconds limit) override {
        if (!ended_.empty()) return 0;
        const auto end = now_ + limit;
        if (plan_.empty() || plan_.begin()->first > end) {
            now_ = end;
            return 0;
        }
        const auto next = plan_.extract(plan_.begin());
        now_ = std::max(now_, next.key());
        next.mapped()();
        return std::exchange(stop_, 0);
    }

    void at(milliseconds time, std::function<void()> event) { plan_.emplace(kDay + time, std::move(event)); }
    void end(std::size_t slot, int code, int signal = 0) {
        ended_.push_back({std::exchange(living_[slot], 0), code, signal});
    }
    std::size_t living() const {
        return static_cast<std::size_t>(
            std::count_if(living_.begin(), living_.end(), [](const auto& one) { return one.second != 0; }));
    }

    milliseconds now_ = kDay;  // times in the tests are from here
    std::vector<Started> started_;
    std::vector<Sent> sent_;
    std::deque<ProcessEnd> ended_;
    bool obeys_ = true;     // a stop ends a worker well
    bool dies_ = true;      // at once when it is killed, which a call to a file system may delay
    int code_at_once_ = 0;  // of a worker that never gets to work
    bool full_ = false;
    int stop_ = 0;

  private:
    std::multimap<milliseconds, std::function<void()>> plan_;
    std::map<pid_t, std::size_t> slots_;
    std::map<std::size_t, pid_t> living_;
    pid_t last_ = 100;
};

class SupervisorTest : public testing::Test {
  protected:
    void at(milliseconds time, const std::function<void()>& event) { processes_.at(time, event); }
    void stop_at(milliseconds time) {
        at(time, [this] { processes_.stop_ = SIGTERM; });
    }
    void end_at(milliseconds time, std::size_t slot, int code, int signal = 0) {
        at(time, [=, this] { processes_.end(slot, code, signal); });
    }
    // A worker does what one does that has fetched a job; with `done`, what one does after it.
    void fetch(std::size_t slot, bool done = false) {
        table_.slots[slot].alive_ms = processes_.now_.count();
        table_.slots[slot].has_fetched = true;
        table_.slots[slot].jobs_in_hand = done ? 0 : 1;
    }
    void run(std::size_t workers = 1) {
        Supervisor({workers, seconds(30), seconds(8)}, processes_, table_, counters_).run();
    }
    std::vector<milliseconds> starts() const {
        std::vector<milliseconds> times;
        for (const auto& one : processes_.started_) times.push_back(one.at);
        return times;
    }
    std::uint64_t restarts(metrics::Restart reason) const {
        return counters_.restarts[static_cast<std::size_t>(reason)];
    }

    FakeProcesses processes_;
    SlotTable table_;
    metrics::Counters counters_;
};

TEST_F(SupervisorTest, StartsAWorkerForEachSlotAndStopsThem) {
    stop_at(seconds(3));
    run(3);
    EXPECT_EQ(processes_.started_.size(), 3U);
    EXPECT_EQ(table_.workers, 3U);
    EXPECT_THAT(processes_.sent_, ElementsAre(FakeProcesses::Sent{seconds(3), 0, SIGTERM},
                                              FakeProcesses::Sent{seconds(3), 1, SIGTERM},
                                              FakeProcesses::Sent{seconds(3), 2, SIGTERM}));
}

TEST_F(SupervisorTest, SaysThatItLives) {
    at(seconds(9), [this] { EXPECT_GE(counters_.parent_alive_ms, processes_.now_.count() - 1000); });
    stop_at(seconds(10));
    run();
}

TEST_F(SupervisorTest, StartsAgainAtOnceWhoFailsInAJob) {
    for (int i = 1; i <= 5; ++i) {
        at(milliseconds(100 * i), [this] {
            fetch(0);
            processes_.end(0, 4);
        });
    }
    stop_at(seconds(1));
    run();
    EXPECT_THAT(starts(), ElementsAre(milliseconds(0), milliseconds(100), milliseconds(200),
                                      milliseconds(300), milliseconds(400), milliseconds(500)));
    EXPECT_EQ(counters_.jobs_failed, 5U);
    EXPECT_EQ(counters_.errors[4], 5U);
    EXPECT_EQ(restarts(metrics::Restart::kFailed), 5U);
}

TEST_F(SupervisorTest, PausesLongerEachTimeForWhoNeverGetsToWork) {
    processes_.code_at_once_ = 3;
    at(seconds(70), [this] { processes_.code_at_once_ = 0; });
    stop_at(seconds(100));
    run();
    EXPECT_THAT(starts(), ElementsAre(seconds(0), seconds(1), seconds(3), seconds(7), seconds(15),
                                      seconds(31), seconds(61), seconds(91)));
    EXPECT_EQ(counters_.jobs_failed, 0U);
    EXPECT_EQ(counters_.errors[3], 7U);
}

TEST_F(SupervisorTest, AJobMakesThePauseShortAgain) {
    for (const int second : {0, 1, 3}) end_at(seconds(second), 0, 3);
    at(seconds(10), [this] {
        fetch(0, true);
        processes_.end(0, 3);
    });
    stop_at(seconds(20));
    run();
    EXPECT_EQ(starts().back(), seconds(11));
}

TEST_F(SupervisorTest, StartsAgainAtOnceWhoRetires) {
    at(seconds(1), [this] {
        fetch(0, true);
        processes_.end(0, 0);
    });
    end_at(seconds(2), 0, 0);  // one that retires before it has worked would do so for ever
    stop_at(seconds(5));
    run();
    EXPECT_THAT(starts(), ElementsAre(seconds(0), seconds(1), seconds(3)));
    EXPECT_EQ(restarts(metrics::Restart::kRetired), 2U);
    EXPECT_EQ(counters_.jobs_failed, 0U);
}

TEST_F(SupervisorTest, CountsHowJobsProcessEnd) {
    const auto end_in_job = [this](int code, int signal) {
        return [=, this] {
            fetch(0);
            processes_.end(0, code, signal);
        };
    };
    at(seconds(1), end_in_job(0, SIGSEGV));
    at(seconds(2), end_in_job(8, 0));
    at(seconds(3), end_in_job(127, 0));
    stop_at(seconds(4));
    run();
    EXPECT_EQ(counters_.jobs_crashed, 1U);
    EXPECT_EQ(counters_.jobs_given_back, 1U);
    EXPECT_EQ(counters_.jobs_failed, 1U);
    EXPECT_EQ(counters_.errors[8], 1U);
    EXPECT_EQ(counters_.errors[1], 1U);
    EXPECT_EQ(restarts(metrics::Restart::kCrashed), 1U);
}

TEST_F(SupervisorTest, WhoMayHaveLeftAFileHasTheNextSweep) {
    const auto sweeps_after = [this](bool in_job, int code, int signal) {
        return [=, this] {
            table_.outdir_swept = true;
            if (in_job) fetch(0);
            processes_.end(0, code, signal);
        };
    };
    const auto expect = [this](bool swept) { return [=, this] { EXPECT_EQ(table_.outdir_swept, swept); }; };
    at(seconds(10), sweeps_after(true, 4, 0));
    at(seconds(11), expect(true));
    at(seconds(20), sweeps_after(true, 7, 0));
    at(seconds(21), expect(false));
    at(seconds(30), sweeps_after(true, 0, SIGKILL));
    at(seconds(31), expect(false));
    at(seconds(40), sweeps_after(false, 6, 0));
    at(seconds(41), expect(false));
    stop_at(seconds(50));
    run();
}

TEST_F(SupervisorTest, ClearsTheSlotOfWhoProcessEnd) {
    at(seconds(1), [this] {
        fetch(0, true);
        table_.slots[0].connected = true;
        processes_.end(0, 0, SIGKILL);
    });
    at(milliseconds(1900), [this] {  // in the pause
        EXPECT_EQ(processes_.living(), 0U);
        EXPECT_FALSE(table_.slots[0].connected);
        EXPECT_EQ(table_.slots[0].alive_ms, 0);
    });
    stop_at(seconds(3));
    run();
}

TEST_F(SupervisorTest, KillsAWorkerThatHangs) {
    at(seconds(10), [this] { fetch(0); });
    stop_at(seconds(45));
    run();
    EXPECT_EQ(processes_.sent_.front(), (FakeProcesses::Sent{seconds(40), 0, SIGKILL}));
    EXPECT_EQ(starts().back(), seconds(40));
    EXPECT_EQ(restarts(metrics::Restart::kHung), 1U);
    EXPECT_EQ(counters_.jobs_crashed, 1U);
}

TEST_F(SupervisorTest, KillsAWorkerOnce) {
    processes_.dies_ = false;
    at(seconds(10), [this] { fetch(0); });
    end_at(seconds(60), 0, 0, SIGKILL);
    stop_at(seconds(70));
    run();
    EXPECT_THAT(processes_.sent_, ElementsAre(FakeProcesses::Sent{seconds(40), 0, SIGKILL},
                                              FakeProcesses::Sent{seconds(70), 0, SIGTERM}));
    EXPECT_EQ(starts().back(), seconds(60));
}

TEST_F(SupervisorTest, StandsNonsenseInASlot) {
    table_.slots[0].alive_ms = std::numeric_limits<std::int64_t>::max();
    table_.slots[1].alive_ms = std::numeric_limits<std::int64_t>::min();
    stop_at(seconds(20));
    run(2);
    EXPECT_EQ(starts().size(), 2U);
}

TEST_F(SupervisorTest, LeavesAloneWhoBeats) {
    for (int second = 5; second < 200; second += 25) {
        at(seconds(second), [this] { table_.slots[0].alive_ms = processes_.now_.count(); });
    }
    stop_at(seconds(200));
    run();
    EXPECT_EQ(starts().size(), 1U);
}

TEST_F(SupervisorTest, AWorkerHasLongerToConnect) {
    stop_at(seconds(100));
    run();
    EXPECT_EQ(processes_.sent_.front(), (FakeProcesses::Sent{seconds(90), 0, SIGKILL}));
    EXPECT_EQ(starts().back(), seconds(91));
}

TEST_F(SupervisorTest, KillsNobodyForWhatTheWholeMachineSlept) {
    at(seconds(1), [this] { fetch(0); });
    at(seconds(2), [this] { processes_.now_ += seconds(3600); });
    at(seconds(3631), [this] { EXPECT_THAT(processes_.sent_, ElementsAre()); });
    stop_at(seconds(3640));
    run();
    EXPECT_EQ(processes_.sent_.front().signal, SIGKILL);
    EXPECT_EQ(processes_.sent_.front().at, seconds(3632));
}

TEST_F(SupervisorTest, WaitsForTheJobsInHandAndStartsNobodyAfterAStop) {
    processes_.obeys_ = false;
    stop_at(seconds(1));
    end_at(seconds(5), 1, 0);
    end_at(seconds(7), 0, 0);
    run(2);
    EXPECT_EQ(starts().size(), 2U);
    EXPECT_EQ(processes_.now_, kDay + seconds(7));
}

TEST_F(SupervisorTest, TheSecondStopIsTheHardOne) {
    processes_.obeys_ = false;
    stop_at(seconds(1));
    at(seconds(2), [this] { processes_.stop_ = SIGINT; });
    end_at(seconds(3), 0, 0);
    run();
    EXPECT_THAT(processes_.sent_, ElementsAre(FakeProcesses::Sent{seconds(1), 0, SIGTERM},
                                              FakeProcesses::Sent{seconds(2), 0, kHardStopSignal}));
}

ErrorKind kind_of(const std::function<void()>& run, std::string& text) {
    try {
        run();
    } catch (const Error& failure) {
        text = failure.what();
        return failure.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::kInternal;
}

TEST_F(SupervisorTest, KillsWhoDoesNotStopInTime) {
    processes_.obeys_ = false;
    stop_at(seconds(1));
    std::string text;
    EXPECT_EQ(kind_of([this] { run(); }, text), ErrorKind::kInternal);
    EXPECT_EQ(processes_.sent_.back(), (FakeProcesses::Sent{seconds(14), 0, SIGKILL}));
    EXPECT_EQ(text, "1 of 1 workers did not end well");
}

TEST_F(SupervisorTest, AfterTheHardStopThereIsLessTime) {
    processes_.obeys_ = false;
    stop_at(seconds(1));
    stop_at(seconds(2));
    std::string text;
    kind_of([this] { run(); }, text);
    EXPECT_EQ(processes_.sent_.back(), (FakeProcesses::Sent{seconds(7), 0, SIGKILL}));
}

TEST_F(SupervisorTest, EndsWithTheFirstFailureOfASlot) {
    processes_.obeys_ = false;
    stop_at(seconds(1));
    end_at(seconds(2), 2, 3);
    end_at(seconds(3), 1, 8);
    end_at(seconds(4), 0, 0);
    std::string text;
    EXPECT_EQ(kind_of([this] { run(3); }, text), ErrorKind::kStopped);
    EXPECT_EQ(text, "2 of 3 workers did not end well");
}

TEST_F(SupervisorTest, ASlotThatWaitsAtTheStopDidNotEndWell) {
    end_at(seconds(1), 0, 3);
    stop_at(milliseconds(1500));
    std::string text;
    EXPECT_EQ(kind_of([this] { run(2); }, text), ErrorKind::kQueue);
    EXPECT_EQ(text, "1 of 2 workers did not end well");
    EXPECT_EQ(starts().size(), 2U);
}

TEST_F(SupervisorTest, TriesAgainWhereTheSystemHasNoRoom) {
    processes_.full_ = true;
    at(seconds(5), [this] { processes_.full_ = false; });
    stop_at(seconds(10));
    run();
    EXPECT_THAT(starts(), ElementsAre(seconds(7)));  // after tries at 0, 1 and 3
}

TEST_F(SupervisorTest, PassesOverTheChildrenOfOthers) {
    at(seconds(1), [this] { processes_.ended_.push_back({7, 1, 0}); });
    stop_at(seconds(2));
    run();
    EXPECT_EQ(starts().size(), 1U);
    EXPECT_EQ(counters_.errors[1], 0U);
}

}  // namespace
}  // namespace bw
