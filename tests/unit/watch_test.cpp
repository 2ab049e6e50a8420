#include "cli/watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bw {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using Outcome = SetupResult::Outcome;
using Time = QueueHistory::Time;

Status good_status() {
    return {{"IMAGES", "BW"},
            {"stream IMAGES", Outcome::kAsItShouldBe, {}},
            {"consumer IMAGES > BW", Outcome::kAsItShouldBe, {}},
            {},
            0,
            0,
            {},
            {"stream IMAGES_RESULTS", Outcome::kMissing, {}}};
}

// A queue that took `taken` jobs, of which `messages` are still there, all waiting but the dead.
QueueNumbers numbers(std::uint64_t taken, std::uint64_t messages, std::uint64_t dead = 0) {
    QueueNumbers numbers;
    numbers.last_sequence = taken;
    numbers.messages = messages;
    numbers.pending = messages - dead;
    numbers.dead = dead;
    return numbers;
}

View view_after(const QueueHistory& history) {
    View view{.time = *read_time("2026-11-28T13:01:58.5Z"), .status = good_status()};
    history.note(view.status);
    return view;
}

TEST(Watch, RatesAreOfTheLastTenSeconds) {
    QueueHistory history;
    const Time begin{};
    history.add(begin, numbers(1000, 1000));
    for (int second = 1; second <= 20; ++second) history.add(begin + seconds(second), numbers(1000, 500));
    EXPECT_DOUBLE_EQ(view_after(history).status.done_per_second, 0);
    history.add(begin + seconds(21), numbers(1020, 460));
    EXPECT_DOUBLE_EQ(view_after(history).status.done_per_second, 6);  // 60 in 10 s
    EXPECT_DOUBLE_EQ(view_after(history).status.came_per_second, 2);
}

TEST(Watch, RatesOverAnOutageAreOfAllItsTime) {
    QueueHistory history;
    const Time begin{};
    history.add(begin, numbers(1000, 1000));
    history.add(begin + seconds(1), numbers(1000, 1000));
    history.add(begin + seconds(101), numbers(1000, 900));
    EXPECT_DOUBLE_EQ(view_after(history).status.done_per_second, 1);
}

TEST(Watch, OneLookTellsNothing) {
    QueueHistory history;
    EXPECT_FALSE(history.stays_empty());
    history.add({}, numbers(1, 0));
    EXPECT_FALSE(history.has_rates());
    EXPECT_FALSE(history.stays_empty());
    EXPECT_FALSE(view_after(history).status.numbers);
}

TEST(Watch, AJobBetweenItsLastDeliveryAndItsDeathKeepsTheQueueFromBeingEmpty) {
    QueueHistory history;
    QueueNumbers in_work = numbers(1, 0);
    in_work.ack_pending = 1;
    history.add({}, in_work);
    history.add(Time(seconds(1)), numbers(1, 1, 1));
    EXPECT_FALSE(history.stays_empty());
    EXPECT_EQ(view_after(history).status.numbers->dead, 0U);
    history.add(Time(seconds(2)), numbers(1, 1, 1));
    EXPECT_TRUE(history.stays_empty());
    EXPECT_EQ(view_after(history).status.numbers->dead, 1U);
}

TEST(Watch, TimeLeft) {
    QueueHistory history;
    history.add({}, numbers(10'000, 8000));
    history.add(Time(seconds(1)), numbers(10'000, 7998));
    const View view = view_after(history);
    EXPECT_EQ(time_left(view.status), seconds(3999));
    EXPECT_THAT(to_line(view),
                "2026-11-28T13:01:58Z waiting 7998, in work 0, dead 0, 0.0 came and 2.0 done per second, "
                "1:06:39 left\n");
    EXPECT_THAT(to_screen(view), HasSubstr("\ntime left: 1:06:39, "));
    EXPECT_EQ(nlohmann::json::parse(to_json_line(view))["left_seconds"], 3999);

    history.add(Time(seconds(2)), numbers(10'000, 0));
    EXPECT_EQ(time_left(view_after(history).status), std::nullopt);
    for (int second = 3; second < 20; ++second) history.add(Time(seconds(second)), numbers(10'001, 1));
    EXPECT_EQ(time_left(view_after(history).status), std::nullopt);  // none is done
    EXPECT_THAT(to_line(view_after(history)), Not(HasSubstr("left")));
}

TEST(Watch, ALostQueueIsSaidWithoutNumbers) {
    QueueHistory history;
    history.add({}, numbers(7, 7));
    history.add({}, numbers(7, 7));
    View view = view_after(history);
    view.lost = "connection lost";
    EXPECT_EQ(to_line(view), "2026-11-28T13:01:58Z connection lost\n");
    EXPECT_EQ(to_json_line(view),
              "{\"lost\":\"connection lost\",\"time\":\"2026-11-28T13:01:58.500000000Z\"}\n");
    EXPECT_THAT(to_screen(view), HasSubstr("connection lost; what follows was known before\n"));
    EXPECT_THAT(to_screen(view), HasSubstr("waiting: 7\n"));
}

TEST(Watch, WhatIsNotAsItShouldBeStandsInTheLine) {
    View view = view_after({});
    view.status.stream.outcome = Outcome::kDiffers;
    view.status.consumer.outcome = Outcome::kMissing;
    EXPECT_EQ(to_line(view), "2026-11-28T13:01:58Z stream IMAGES: differs, consumer IMAGES > BW: missing\n");
    view.status.results.outcome = Outcome::kDiffers;
    view.status.consumer.outcome = Outcome::kAsItShouldBe;
    EXPECT_EQ(to_line(view), "2026-11-28T13:01:58Z stream IMAGES: differs, stream IMAGES_RESULTS: differs\n");
    view.status.results.outcome = Outcome::kOff;
    QueueNumbers paused;
    paused.paused_until = "tomorrow";
    view.status.numbers = paused;
    EXPECT_THAT(to_line(view), HasSubstr("Z stream IMAGES: differs, paused until tomorrow, waiting 0, "));
}

TEST(Watch, FailuresStandInTheLineAndOnTheScreen) {
    View view = view_after({});
    view.status.numbers = QueueNumbers{};
    view.failures = Failures{};
    EXPECT_THAT(to_line(view), Not(HasSubstr("failed")));
    EXPECT_THAT(to_screen(view), HasSubstr("\nfailed deliveries lately: none\n"));
    Record last;
    last.sequence = 17;
    last.delivery = 2;
    last.where = "file:///a.jpg";
    last.what = "red\x1b[31m\nline";
    last.time = view.time - seconds(70);
    view.failures = Failures{{{"image", 3}, {"in\nput", 1}}, last};
    EXPECT_THAT(to_line(view), HasSubstr(", failed lately: image 3, in\\nput 1\n"));
    EXPECT_THAT(to_screen(view), HasSubstr("  the last, 1:10 ago: seq 17, delivery 2, file:///a.jpg: "
                                           "red\\u001b[31m\\nline\n"));
    EXPECT_EQ(nlohmann::json::parse(to_json_line(view))["failures"]["image"], 3);
    view.failures.reset();
    view.no_failures = "nobody lets us";
    EXPECT_THAT(to_screen(view), HasSubstr("failed deliveries: not known, nobody lets us\n"));
    EXPECT_FALSE(nlohmann::json::parse(to_json_line(view)).contains("failures"));
}

TEST(Watch, WhatAServerBroughtBackIsSaid) {
    View view = view_after({});
    view.status.numbers = numbers(5, 3, 1);
    view.status.brought_back = 2;
    EXPECT_THAT(to_line(view), HasSubstr(", dead 1, brought back 2, "));
    EXPECT_THAT(
        to_screen(view),
        HasSubstr(
            "dead: 1\ndone, but brought back by the server: 2; `bw dead drop --kind done` removes them\n"));
    EXPECT_EQ(nlohmann::json::parse(to_json_line(view))["brought_back"], 2);
}

}  // namespace
}  // namespace bw
