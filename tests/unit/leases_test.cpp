#include "worker/leases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "worker_fakes.hpp"

namespace bw {
namespace {

class LeaseTest : public testing::Test {
  protected:
    // What the keeper extended, in order.
    struct Queue : FakeQueue {
        using FakeQueue::FakeQueue;
        DeliveryRules rules() override { return {ack_wait_.load(), 5}; }
        void extend(const Delivery& extended) override { journal_->add(std::to_string(extended.sequence)); }
        std::atomic<milliseconds> ack_wait_{milliseconds(30)};
        Journal* journal_ = nullptr;
    };

    LeaseTest() { queue_.journal_ = &journal_; }
    Lease take(const Delivery& of, milliseconds timeout = std::chrono::seconds(30)) {
        return keeper_.take(of, timeout, [this, &of](const Error& cause) {
            journal_.add("expired " + std::to_string(of.sequence) + " " + std::string(name(cause.kind())));
        });
    }

    Journal journal_;
    std::stop_source soft_;
    std::stop_source hard_;
    Queue queue_{journal_, soft_};
    WorkerObserver nobody_;
    LeaseKeeper keeper_{queue_, nobody_, hard_.get_token()};
    const Delivery first_{"", "reply", 1, 1};
    const Delivery second_{"", "reply", 2, 1};
};

TEST_F(LeaseTest, SeveralJobsAreInHandAtOnce) {
    Lease first = take(first_);
    Lease second = take(second_);
    journal_.wait_for("1");
    journal_.wait_for("2");
    EXPECT_FALSE(first.end());
    const auto before = std::ranges::count(journal_.entries(), std::string("1"));
    journal_.wait_for_next();
    EXPECT_EQ(std::ranges::count(journal_.entries(), std::string("1")), before);
    EXPECT_FALSE(second.end());
}

TEST_F(LeaseTest, EachJobHasADeadlineOfItsOwn) {
    Lease first = take(first_, milliseconds(1));
    Lease second = take(second_);
    journal_.wait_for("expired 1 timeout");
    EXPECT_TRUE(first.token().stop_requested());
    EXPECT_FALSE(second.token().stop_requested());
    EXPECT_EQ(first.end()->kind(), ErrorKind::kTimeout);
    EXPECT_FALSE(second.end());
}

TEST_F(LeaseTest, AHardStopIsForAllJobs) {
    Lease first = take(first_);
    Lease second = take(second_);
    hard_.request_stop();
    wait_for_stop(first.token());
    wait_for_stop(second.token());
    EXPECT_EQ(second.end()->kind(), ErrorKind::kStopped);
}

// The operator shortens it while the job is in hand: the first heartbeat would otherwise come after 10 s.
TEST_F(LeaseTest, HeartbeatsFollowAShortenedAckWait) {
    queue_.ack_wait_ = std::chrono::seconds(30);
    const Lease lease = take(first_);
    queue_.ack_wait_ = milliseconds(30);
    const auto begin = std::chrono::steady_clock::now();
    journal_.wait_for("1");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace bw
