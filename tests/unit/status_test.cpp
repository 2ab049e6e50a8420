#include "cli/status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bw {
namespace {

using testing::HasSubstr;
using testing::Optional;
using Outcome = SetupResult::Outcome;

constexpr Outcome kGood = Outcome::kAsItShouldBe;

Status status_of(Outcome stream, Outcome consumer) {
    return {{"IMAGES", "BW"}, {"stream IMAGES", stream, {}}, {"consumer IMAGES > BW", consumer, {}}, {}};
}

Status with_dead(Outcome stream, std::uint64_t dead) {
    Status status = status_of(stream, kGood);
    QueueNumbers numbers;
    numbers.dead = dead;
    note_numbers(status, numbers, numbers, 1);
    return status;
}

std::optional<ErrorKind> kind_of(const Status& status) {
    const auto failure = verdict(status);
    return failure ? std::optional(failure->kind()) : std::nullopt;
}

TEST(Status, TheWorstIsSaid) {
    EXPECT_EQ(kind_of(with_dead(kGood, 0)), std::nullopt);
    EXPECT_THAT(kind_of(with_dead(kGood, 1)), Optional(ErrorKind::kDead));
    EXPECT_THAT(kind_of(with_dead(Outcome::kDiffers, 1)), Optional(ErrorKind::kDifference));
    EXPECT_THAT(kind_of(status_of(kGood, Outcome::kDiffers)), Optional(ErrorKind::kDifference));
    EXPECT_THAT(kind_of(status_of(Outcome::kDiffers, Outcome::kMissing)), Optional(ErrorKind::kDifference));
    EXPECT_THAT(kind_of(status_of(Outcome::kMissing, Outcome::kMissing)), Optional(ErrorKind::kDifference));
    EXPECT_THAT(std::string(verdict(status_of(Outcome::kDiffers, Outcome::kMissing))->what()),
                HasSubstr("missing; `bw setup`"));
    EXPECT_THAT(std::string(verdict(with_dead(kGood, 1))->what()), HasSubstr("1 job is dead"));
    EXPECT_THAT(std::string(verdict(with_dead(kGood, 2))->what()), HasSubstr("2 jobs are dead"));
}

TEST(Status, OnlyAResultsStreamThatDiffersIsAFailure) {
    for (const auto outcome : {kGood, Outcome::kMissing, Outcome::kOff, Outcome::kNotKnown}) {
        Status status = with_dead(kGood, 0);
        status.results = {"stream IMAGES_RESULTS", outcome, {}};
        EXPECT_EQ(kind_of(status), std::nullopt);
    }
    Status status = with_dead(kGood, 1);
    status.results = {"stream IMAGES_RESULTS", Outcome::kDiffers, {"discard: is new, should be old"}};
    EXPECT_THAT(kind_of(status), Optional(ErrorKind::kDifference));
}

TEST(Status, RatesAreOfTheTimeBetweenTwoLooks) {
    Status status = status_of(kGood, kGood);
    QueueNumbers first;
    first.messages = 10;
    first.last_sequence = 100;
    QueueNumbers second = first;
    second.messages = 7;
    second.last_sequence = 105;
    note_numbers(status, first, second, 2);
    EXPECT_DOUBLE_EQ(status.came_per_second, 2.5);
    EXPECT_DOUBLE_EQ(status.done_per_second, 4);
    EXPECT_THAT(to_text(status), HasSubstr("per second: 2.5 came, 4.0 done\n"));
    // The stream was made anew meanwhile.
    note_numbers(status, first, QueueNumbers{}, 1);
    EXPECT_DOUBLE_EQ(status.came_per_second, 0);
    EXPECT_DOUBLE_EQ(status.done_per_second, 0);
}

TEST(Status, WhatOneLookTookForDeadWasOnItsWay) {
    Status status = status_of(kGood, kGood);
    QueueNumbers busy;
    busy.dead = 3;
    note_numbers(status, busy, QueueNumbers{}, 1);
    EXPECT_EQ(status.numbers->dead, 0U);
    note_numbers(status, QueueNumbers{}, busy, 1);
    EXPECT_EQ(status.numbers->dead, 0U);
}

TEST(Status, JsonIsOneLineAndLeavesOutWhatIsNotKnown) {
    Status status = status_of(kGood, Outcome::kDiffers);
    status.consumer.differences = {"max_deliver: is 3, should be 5"};
    const auto without = nlohmann::json::parse(json_of(status).str());
    EXPECT_EQ(without["stream"], nlohmann::json::parse(R"({"name":"IMAGES","state":"ok","differences":[]})"));
    EXPECT_EQ(without["consumer"]["state"], "differs");
    EXPECT_EQ(without["consumer"]["differences"][0], "max_deliver: is 3, should be 5");
    EXPECT_EQ(without["results"]["state"], "missing");
    EXPECT_EQ(without.size(), 3U);

    note_numbers(status, {}, {}, 1);
    status.consumer.differences = {"filter_subject: is \xff\n, should be"};
    const std::string text = json_of(status).str();
    EXPECT_EQ(text.find('\n'), text.npos);
    for (const char* member : {"waiting", "in_work", "redelivered", "dead", "idle_workers", "came_per_second",
                               "done_per_second"}) {
        EXPECT_TRUE(nlohmann::json::parse(text).at(member).is_number()) << member;
    }
}

}  // namespace
}  // namespace bw
