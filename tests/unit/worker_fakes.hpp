// What tests of the worker and of its leases share: fakes of what a worker works with, and a journal of what
// the worker did with them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bw/worker.hpp"

namespace bw {

using std::chrono::milliseconds;

// Entries of what happened, in order. Any thread may add one.
class Journal {
  public:
    void add(const std::string& entry) {
        const std::scoped_lock lock(mutex_);
        entries_.push_back(entry);
        changed_.notify_all();
    }
    std::vector<std::string> entries() {
        const std::scoped_lock lock(mutex_);
        return entries_;
    }
    void wait_for(const std::string& entry) {
        std::unique_lock lock(mutex_);
        const bool came = changed_.wait_for(lock, std::chrono::seconds(30), [&] {
            return std::find(entries_.begin(), entries_.end(), entry) != entries_.end();
        });
        ASSERT_TRUE(came) << entry;
    }
    // Returns whether anything happens within that time.
    bool grows(std::chrono::milliseconds within) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, within,
                                 [&, before = entries_.size()] { return entries_.size() > before; });
    }
    void wait_for_next() { ASSERT_TRUE(grows(std::chrono::seconds(30))); }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> entries_;
};

class FakeQueue : public WorkQueue {
  public:
    FakeQueue(Journal& journal, std::stop_source& soft) : journal_(journal), soft_(soft) {}

    DeliveryRules rules() override { return rules_; }
    std::optional<Delivery> fetch(const std::stop_token&) override {
        while_fetching_();
        if (waiting_.empty()) soft_.request_stop();
        return next(waiting_);
    }
    std::optional<Delivery> fetch_late() override { return next(late_); }
    void check_advisory(const std::string& subject) override {
        if (subject == captured_) throw Error(ErrorKind::kJob, subject, "it would come back");
    }
    void extend(const Delivery&) override { journal_.add("heartbeat"); }
    Settlement settle(const Delivery&, const std::optional<Advisory>& advisory, const Record& record,
                      const std::stop_token&) override {
        while_settling_();
        record_ = record;
        if (advisory) journal_.add("advise " + advisory->subject + " " + advisory->body);
        journal_.add("ack");
        return settlement_;
    }
    void give_back(const Delivery&, const Record& record, std::optional<milliseconds> delay) override {
        record_ = record;
        if (delay) journal_.add("give back after " + std::to_string(delay->count()));
    }

    std::deque<Delivery> waiting_;
    std::deque<Delivery> late_;
    DeliveryRules rules_{milliseconds(30'000), 5};
    std::string captured_;
    Record record_;  // the last
    Settlement settlement_ = Settlement::kAcknowledged;
    std::function<void()> while_fetching_ = [] {};
    std::function<void()> while_settling_ = [] {};

  private:
    static std::optional<Delivery> next(std::deque<Delivery>& from) {
        if (from.empty()) return std::nullopt;
        const Delivery delivery = from.front();
        from.pop_front();
        return delivery;
    }

    Journal& journal_;
    std::stop_source& soft_;
};

class FakeSource : public Source {
  public:
    explicit FakeSource(Journal& journal) : journal_(journal) {}

    Input read(const Uri& uri, std::uint64_t, const std::stop_token&) override {
        journal_.add("read " + uri.text);
        return {.bytes = "colour",
                .is_source = [](const std::string& identity) { return identity == "original"; }};
    }
    void check_ready() override {}

  private:
    Journal& journal_;
};

class FakeSink : public Sink {
  public:
    explicit FakeSink(Journal& journal) : journal_(journal) {}

    void prove_ready() override {
        check_ready();
        journal_.add("prove");
    }
    void check_ready() override {
        if (full_) throw Error(ErrorKind::kOutput, "/out", "No space left on device");
    }
    std::string commit(const OutputName& name, std::string_view bytes, const IsSource& is_source,
                       const std::stop_token&) override {
        EXPECT_TRUE(is_source("original"));
        if (fails_to_commit_) throw Error(ErrorKind::kOutput, "/out", "No space left on device");
        journal_.add("commit " + name.text() + " " + std::string(bytes));
        return "/out/" + name.text();
    }

    bool full_ = false;
    bool fails_to_commit_ = false;

  private:
    Journal& journal_;
};

inline void wait_for_stop(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, std::chrono::seconds(30), [] { return false; });
    EXPECT_TRUE(stop.stop_requested());
}

}  // namespace bw
