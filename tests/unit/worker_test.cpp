#include "bw/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "cli/shared_state.hpp"
#include "worker_fakes.hpp"

// The worker is tested against fakes here, which fail in ways that the real parts cannot be made to.
// tests/e2e tests it with the real parts.
namespace bw {
namespace {

using std::chrono::microseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

constexpr std::string_view kJob = R"({"id": "5e", "image": "file:///a.jpg", "advisory": "advisory.5e"})";

[[noreturn]] void no_answer() { throw Error(ErrorKind::kQueue, "reply", "no answer"); }

class WorkerTest : public testing::Test {
  protected:
    void run() {
        const auto abandon = [this](const JobFailed& failure) {
            journal_.add("abandon " + std::string(name(failure.kind())));
        };
        Worker worker({.outdir = "/out",
                       .names = {"IMAGES", "BW"},
                       .job_timeout = timeout_,
                       .retry_delay = retry_delay_,
                       .name = "pod-7:12",
                       .version = "1.2.3",
                       .retire = retire_},
                      queue_, source_, sink_, convert_, abandon, {soft_.get_token(), hard_.get_token()},
                      observer_);
        worker.run();
    }
    ErrorKind failure_of_run() {
        try {
            run();
        } catch (const JobFailed& failure) {
            std::string line;
            for (const auto& field : failure.job()) line += std::string(field.name) + " ";
            fields_ = line;
            return failure.kind();
        }
        ADD_FAILURE() << "nothing was thrown";
        return ErrorKind::kInternal;
    }

    Journal journal_;
    std::stop_source soft_;
    std::stop_source hard_;
    Slot slot_;
    metrics::Counters counters_;
    cli::CountingObserver observer_{slot_, counters_};  // the one that bw uses
    FakeQueue queue_{journal_, soft_};
    FakeSource source_{journal_};
    FakeSink sink_{journal_};
    Convert convert_ = [](std::string_view bytes, std::string_view extension, const std::stop_token&,
                          const Fatal&) {
        return Conversion{std::string(bytes) + " made grey" + std::string(extension)};
    };
    milliseconds timeout_{30'000};
    milliseconds retry_delay_{1000};
    Retire retire_ = [] { return false; };
    std::string fields_;
};

Delivery delivery(std::string_view payload, std::uint64_t deliveries = 1) {
    return {std::string(payload), "reply", 17, deliveries};
}

TEST_F(WorkerTest, CommitsThenAdvisesThenAcks) {
    queue_.waiting_ = {delivery(kJob)};
    run();
    EXPECT_THAT(journal_.entries(),
                ElementsAre("prove", "read file:///a.jpg", "commit 5e.jpg colour made grey.jpg",
                            R"(advise advisory.5e {"id":"5e"})", "ack"));
}

TEST_F(WorkerTest, SaysThatItLivesAndWhetherItHasAJob) {
    queue_.waiting_ = {delivery(kJob), delivery("{}")};
    queue_.while_fetching_ = [this] {
        EXPECT_NE(slot_.alive_ms, 0);
        EXPECT_EQ(slot_.jobs_in_hand, 0U);
    };
    queue_.while_settling_ = [this] { EXPECT_TRUE(slot_.jobs_in_hand == 1 && slot_.has_fetched); };
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    EXPECT_EQ(slot_.jobs_in_hand, 1U);
}

TEST_F(WorkerTest, CountsWhatItDid) {
    queue_.waiting_ = {delivery(kJob), delivery(kJob, 2), delivery(kJob, 3), delivery("{}", 5)};
    convert_ = [](std::string_view, std::string_view, const std::stop_token&, const Fatal&) {
        return Conversion{.bytes = "grey",
                          .input_pixels = 10,
                          .output_pixels = 20,
                          .decode = microseconds(2000),
                          .monochrome = microseconds(20'000),
                          .encode = microseconds(200'000)};
    };
    queue_.while_settling_ = [this] {
        if (queue_.waiting_.size() == 1) queue_.settlement_ = Settlement::kForgotten;
    };  // the third
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    EXPECT_EQ(counters_.deliveries, 4U);
    EXPECT_EQ(counters_.redeliveries, 3U);
    EXPECT_EQ(counters_.jobs_done, 2U);
    EXPECT_EQ(counters_.jobs_forgotten, 1U);
    EXPECT_EQ(counters_.input_bytes, 3 * std::string_view("colour").size());
    EXPECT_EQ(counters_.output_bytes, 3 * std::string_view("grey").size());
    EXPECT_EQ(counters_.input_pixels, 30U);
    EXPECT_EQ(counters_.output_pixels, 60U);
    for (const auto& stage : counters_.stages) {
        EXPECT_EQ(std::accumulate(stage.buckets.begin(), stage.buckets.end(), 0UL), 3U);
    }
    EXPECT_EQ(counters_.stage(metrics::Stage::kDecode).sum_us, 6000U);
    EXPECT_EQ(counters_.stage(metrics::Stage::kMonochrome).sum_us, 60'000U);
    EXPECT_EQ(counters_.stage(metrics::Stage::kEncode).sum_us, 600'000U);
    EXPECT_LT(counters_.stage(metrics::Stage::kQueue).sum_us, 1'000'000U);
}

TEST_F(WorkerTest, RecordsWhatItDid) {
    Delivery job = delivery(kJob, 2);
    job.stored = *read_time("2026-11-28T13:01:58Z");
    job.trace = read_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "");
    queue_.waiting_ = {job};
    convert_ = [](std::string_view, std::string_view, const std::stop_token&, const Fatal&) {
        return Conversion{.bytes = "grey", .frames = 2, .columns = 3, .rows = 4, .encode = microseconds(5)};
    };
    run();
    const Record& record = queue_.record_;
    EXPECT_EQ(record.outcome, Record::Outcome::kDone);
    EXPECT_EQ(record.id, "5e");
    EXPECT_EQ(record.sequence, 17U);
    EXPECT_EQ(record.delivery, 2U);
    EXPECT_EQ(record.max_deliver, 5);
    EXPECT_EQ(record.image, "file:///a.jpg");
    EXPECT_EQ(record.queued, job.stored);
    EXPECT_EQ(record.trace, "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(record.worker, "pod-7:12");
    EXPECT_EQ(record.version, "1.2.3");
    EXPECT_EQ(record.output, "/out/5e.jpg");
    EXPECT_EQ(record.figures.input_bytes, std::string_view("colour").size());
    EXPECT_EQ(record.figures.output_bytes, 4U);
    EXPECT_EQ(record.figures.frames * 100 + record.figures.columns * 10 + record.figures.rows, 234U);
    EXPECT_EQ(record.figures.encode, microseconds(5));
}

TEST_F(WorkerTest, RecordsWhyAJobFailed) {
    retry_delay_ = milliseconds(0);  // the delivery is left to ack wait, and has a record all the same
    queue_.waiting_ = {delivery(R"({"id": "5e"})", 5)};
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    const Record& record = queue_.record_;
    EXPECT_EQ(record.outcome, Record::Outcome::kFailed);
    EXPECT_EQ(record.id, "5e");
    EXPECT_EQ(record.kind, "job");
    EXPECT_EQ(record.failure_class, "permanent");
    EXPECT_EQ(record.where, "image");
    EXPECT_EQ(record.what, "the job has no image");
    EXPECT_TRUE(record.is_last());
}

TEST_F(WorkerTest, DoesWhatCameTooLateForTheLastFetch) {
    queue_.late_ = {delivery(kJob)};
    run();
    EXPECT_EQ(journal_.entries().back(), "ack");
}

TEST_F(WorkerTest, EndsWhenItIsToRetireAsAfterAStop) {
    queue_.waiting_ = {delivery(kJob), delivery(kJob)};
    queue_.late_ = {delivery(kJob)};
    retire_ = [] { return true; };
    run();
    EXPECT_EQ(queue_.waiting_.size(), 1U);
    EXPECT_TRUE(queue_.late_.empty());
}

TEST_F(WorkerTest, FetchesNothingWhileTheOutputCannotBeWritten) {
    queue_.waiting_ = {delivery(kJob)};
    sink_.full_ = true;
    EXPECT_THROW(run(), Error);
    EXPECT_EQ(queue_.waiting_.size(), 1U);
    EXPECT_THAT(journal_.entries(), ElementsAre());
}

TEST_F(WorkerTest, FetchesNothingMoreOnceTheOutputCannotBeWritten) {
    queue_.waiting_ = {delivery(kJob), delivery(kJob)};
    queue_.while_settling_ = [this] { sink_.full_ = true; };
    EXPECT_THROW(run(), Error);
    EXPECT_EQ(queue_.waiting_.size(), 1U);
    EXPECT_EQ(journal_.entries().back(), "ack");
}

TEST_F(WorkerTest, GivesBackWhatCannotBeCommittedAndNeverAcks) {
    queue_.waiting_ = {delivery(kJob, 3)};
    sink_.fails_to_commit_ = true;
    EXPECT_EQ(failure_of_run(), ErrorKind::kOutput);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove", "read file:///a.jpg", "give back after 4000"));
    EXPECT_EQ(fields_, "id seq delivery ");
}

TEST_F(WorkerTest, TouchesNothingForABadJob) {
    queue_.waiting_ = {delivery("{}")};
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove", "give back after 1000"));
    EXPECT_EQ(fields_, "seq delivery ");
}

TEST_F(WorkerTest, TouchesNothingForAnAdvisoryThatWouldComeBack) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.captured_ = "advisory.5e";
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove", "give back after 1000"));
    EXPECT_EQ(fields_, "id seq delivery ");
}

TEST_F(WorkerTest, LeavesAFailedJobToAckWaitWhenToldSo) {
    queue_.waiting_ = {delivery("{}")};
    retry_delay_ = milliseconds(0);
    EXPECT_EQ(failure_of_run(), ErrorKind::kJob);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove"));
}

TEST_F(WorkerTest, EndsWhenTheAckIsNotAnswered) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.while_settling_ = no_answer;
    EXPECT_EQ(failure_of_run(), ErrorKind::kQueue);
    EXPECT_EQ(journal_.entries().back(), "give back after 1000");
}

TEST_F(WorkerTest, WhatItDidNotForeseeIsInternal) {
    queue_.waiting_ = {delivery(kJob)};
    convert_ = [](std::string_view, std::string_view, const std::stop_token&, const Fatal&) -> Conversion {
        throw std::bad_alloc();
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kInternal);
    EXPECT_EQ(journal_.entries().back(), "give back after 1000");
}

TEST_F(WorkerTest, KeepsAJobThatOutlastsAckWait) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.rules_.ack_wait = milliseconds(30);
    convert_ = [this](std::string_view, std::string_view, const std::stop_token&, const Fatal&) {
        slot_.alive_ms = 0;
        journal_.wait_for("heartbeat");
        EXPECT_NE(slot_.alive_ms, 0);
        return Conversion{};
    };
    run();
    EXPECT_EQ(journal_.entries().back(), "ack");
}

TEST_F(WorkerTest, SendsNoHeartbeatBetweenJobs) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.rules_.ack_wait = milliseconds(30);
    queue_.while_fetching_ = [this] { EXPECT_FALSE(journal_.grows(milliseconds(100))); };
    run();
    EXPECT_EQ(journal_.entries().back(), "ack");
}

TEST_F(WorkerTest, CancelsAJobThatIsOverItsTime) {
    queue_.waiting_ = {delivery(kJob)};
    timeout_ = milliseconds(1);
    convert_ = [](std::string_view, std::string_view, const std::stop_token& stop,
                  const Fatal&) -> Conversion {
        wait_for_stop(stop);
        throw Error(ErrorKind::kImage, "image", "half of it");
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kTimeout);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove", "read file:///a.jpg", "give back after 1000"));
}

TEST_F(WorkerTest, AHardStopCancelsTheJob) {
    queue_.waiting_ = {delivery(kJob)};
    convert_ = [this](std::string_view, std::string_view, const std::stop_token& stop,
                      const Fatal&) -> Conversion {
        hard_.request_stop();
        wait_for_stop(stop);
        throw Error(ErrorKind::kImage, "image", "half of it");
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kStopped);
    EXPECT_THAT(journal_.entries(), ElementsAre("prove", "read file:///a.jpg", "give back after 0"));
}

// That holds however long the ack takes. The heartbeat comes at a time when the process would have ended.
TEST_F(WorkerTest, AJobThatIsDoneInSpiteOfTheCancelIsDone) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.rules_.ack_wait = 3 * milliseconds(300);
    queue_.while_settling_ = [this] { journal_.wait_for_next(); };
    timeout_ = milliseconds(1);
    convert_ = [](std::string_view, std::string_view, const std::stop_token& stop, const Fatal&) {
        wait_for_stop(stop);
        return Conversion{"grey"};
    };
    run();
    EXPECT_THAT(journal_.entries(), Contains("heartbeat"));
    EXPECT_THAT(journal_.entries(), Not(Contains("abandon timeout")));
    EXPECT_EQ(journal_.entries().back(), "ack");
}

// If the job were cancelled, its failure would be of the kind timeout.
TEST_F(WorkerTest, TheDeadlineIsNotForAnOutputThatStands) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.rules_.ack_wait = 3 * milliseconds(600);
    timeout_ = milliseconds(500);  // before the heartbeat
    queue_.while_settling_ = [this] {
        journal_.wait_for_next();
        no_answer();
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kQueue);
}

TEST_F(WorkerTest, AHardStopIsNotForAnOutputThatStands) {
    queue_.waiting_ = {delivery(kJob)};
    queue_.rules_.ack_wait = milliseconds(30);
    queue_.while_settling_ = [this] {
        hard_.request_stop();
        journal_.wait_for_next();
        no_answer();
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kQueue);
}

// The heartbeat shows that the hard stop has been seen; the next look would be another heartbeat away.
TEST_F(WorkerTest, AHardStopBeforeAJobCancelsItAtOnce) {
    const milliseconds heartbeat(1000);
    queue_.waiting_ = {delivery(kJob), delivery(kJob)};
    queue_.rules_.ack_wait = 3 * heartbeat;
    queue_.while_settling_ = [this] {
        hard_.request_stop();
        journal_.wait_for_next();
    };
    convert_ = [&](std::string_view, std::string_view, const std::stop_token& stop,
                   const Fatal&) -> Conversion {
        if (!hard_.stop_requested()) return {"grey"};
        const auto begin = std::chrono::steady_clock::now();
        wait_for_stop(stop);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, heartbeat / 2);
        throw Error(ErrorKind::kImage, "image", "half of it");
    };
    EXPECT_EQ(failure_of_run(), ErrorKind::kStopped);
    EXPECT_THAT(journal_.entries(), Contains("ack"));
    EXPECT_EQ(journal_.entries().back(), "give back after 0");
}

// The fake abandon returns, which the real one does not: the job then goes on.
TEST_F(WorkerTest, AbandonsAJobThatIsOverItsTime) {
    queue_.waiting_ = {delivery(kJob)};
    timeout_ = milliseconds(1);
    convert_ = [this](std::string_view, std::string_view, const std::stop_token&, const Fatal&) {
        journal_.wait_for("abandon timeout");
        return Conversion{};
    };
    run();
    const auto entries = journal_.entries();  // "read" may come before or after
    EXPECT_LT(std::find(entries.begin(), entries.end(), "give back after 1000"),
              std::find(entries.begin(), entries.end(), "abandon timeout"));
}

TEST_F(WorkerTest, AHardStopGivesTheJobBackAtOnce) {
    queue_.waiting_ = {delivery(kJob)};
    convert_ = [this](std::string_view, std::string_view, const std::stop_token&, const Fatal&) {
        hard_.request_stop();
        journal_.wait_for("abandon stopped");
        return Conversion{};
    };
    run();
    EXPECT_EQ(journal_.entries()[2], "give back after 0");
}

TEST_F(WorkerTest, AbandonsAJobWhoseConversionCanNeitherGoOnNorThrow) {
    queue_.waiting_ = {delivery(kJob)};
    convert_ = [](std::string_view, std::string_view, const std::stop_token&, const Fatal& fatal) {
        fatal(Error(ErrorKind::kImage, "image", "too large"));
        return Conversion{};
    };
    run();
    const auto entries = journal_.entries();
    EXPECT_EQ(entries[2], "give back after 1000");
    EXPECT_EQ(entries[3], "abandon image");
}

TEST(NakDelay, DoublesWithEachDeliveryAndIsNoneOnTheLast) {
    const milliseconds second(1000);
    EXPECT_EQ(nak_delay(second, 1, 5), second);
    EXPECT_EQ(nak_delay(second, 2, 5), 2 * second);
    EXPECT_EQ(nak_delay(second, 4, 5), 8 * second);
    EXPECT_EQ(nak_delay(second, 5, 5), milliseconds(0));
    EXPECT_EQ(nak_delay(second, 6, 5), milliseconds(0));
    EXPECT_EQ(nak_delay(second, 5, -1), 16 * second);
    EXPECT_EQ(nak_delay(second, 1'000'000, -1), 1024 * second);
    // The longest BW_RETRY_DELAY stays what 64 bits of nanoseconds hold, however often it was doubled.
    const milliseconds year = std::chrono::hours(24 * 365);
    EXPECT_EQ(nak_delay(year, 1, 5), year);
    EXPECT_EQ(nak_delay(year, 4, 5), year);
    EXPECT_EQ(nak_delay(year, 1'000'000, -1), year);
}

}  // namespace
}  // namespace bw
