#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bw/protocol.hpp"

// What JetStream says, read: whatever it is, a typed result or the word that it is none.
namespace bw {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

const QueueNames kNames{"IMAGES", "BW", "IMAGES_RESULTS"};

// The answer that a server gives about the consumer that consumer_creation() asks for, with other fields too.
json consumer_answer(const json& changes = json::object()) {
    json config = json::parse(consumer_creation(kNames))["config"];
    config.update(changes);
    return {{"name", "BW"}, {"config", config}};
}

json stream_answer(const json& changes = json::object()) {
    json config = json::parse(stream_creation(kNames));
    config.update(changes);
    return {{"config", config}};
}

ConsumerInfo consumer_of(const json& answer) {
    return std::get<ConsumerInfo>(read_consumer_info(answer.dump(), kNames));
}

StreamInfo stream_of(const json& answer) {
    return std::get<StreamInfo>(read_stream_info(answer.dump(), kNames));
}

std::vector<std::string> results_differences(const json& changes) {
    json config = json::parse(results_creation(kNames));
    config.update(changes);
    return std::get<StreamInfo>(read_results_info(json{{"config", config}}.dump(), kNames)).differences;
}

TEST(JetStreamAnswers, WhatIsNoAnswerIsCalledNone) {
    for (const char* text : {"", "{", "5", "[]", "null", "\"error\"", "{}", R"({"config":5})",
                             R"({"config":[]})", R"({"error":null})", "\xff\xfe", "1e999"}) {
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_stream_info(text, kNames))) << text;
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_results_info(text, kNames))) << text;
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_consumer_info(text, kNames))) << text;
        EXPECT_THAT(read_stream_names(text), IsEmpty());
        EXPECT_THAT(read_consumer_list(text, kNames), IsEmpty());
    }
}

TEST(JetStreamAnswers, AnErrorOfAnyShapeIsAnError) {
    for (const char* text : {R"({"error":5})", R"({"error":"x"})", R"({"error":[]})", R"({"error":{}})",
                             R"({"error":{"code":"x","err_code":{},"description":5}})"}) {
        const auto answer = read_consumer_info(text, kNames);
        ASSERT_TRUE(std::holds_alternative<ApiError>(answer)) << text;
        EXPECT_EQ(std::get<ApiError>(answer).code, -1) << text;
        EXPECT_EQ(std::get<ApiError>(answer).text, "no reason given") << text;
    }
    const auto answer = read_stream_info(
        R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})", kNames);
    EXPECT_EQ(std::get<ApiError>(answer).code, kStreamNotFound);
    EXPECT_EQ(std::get<ApiError>(answer).text, "stream not found");
}

// Every member of the answers, one after the other, with a value of every type.
TEST(JetStreamAnswers, AMemberOfAnyTypeThrowsNothing) {
    const json stream = {{"config", json::parse(stream_creation(kNames))},
                         {"created", "2026-11-28T13:01:58Z"},
                         {"state", {{"messages", 1}, {"last_seq", 2}, {"subjects", {{"IMAGES.a", 1}}}}}};
    json consumer = consumer_answer({{"backoff", {1}},
                                     {"priority_groups", {"a"}},
                                     {"max_expires", 1},
                                     {"headers_only", true},
                                     {"deliver_subject", "a"},
                                     {"filter_subjects", {"a"}},
                                     {"pause_until", "x"}});
    consumer.update({{"paused", true},
                     {"num_pending", 1},
                     {"num_ack_pending", 1},
                     {"num_redelivered", 1},
                     {"num_waiting", 1},
                     {"delivered", {{"consumer_seq", 1}}}});
    const std::vector<json> values{nullptr,  true,           5,          -5,
                                   1.5,      "text",         "",         json::array(),
                                   {1, "a"}, json::object(), {{"a", 1}}, UINT64_MAX};
    for (const json& whole : {stream, consumer}) {
        const json members = whole.flatten();
        for (const auto& [path, unused] : members.items()) {
            for (auto at = json::json_pointer(path); !at.empty(); at = at.parent_pointer()) {
                for (const json& value : values) {
                    json changed = whole;
                    changed[at] = value;
                    EXPECT_NO_THROW(read_stream_info(changed.dump(), kNames)) << changed;
                    EXPECT_NO_THROW(read_results_info(changed.dump(), kNames)) << changed;
                    EXPECT_NO_THROW(read_consumer_info(changed.dump(), kNames)) << changed;
                    EXPECT_NO_THROW(read_consumer_list(json{{"consumers", {changed}}}.dump(), kNames));
                }
            }
        }
    }
}

TEST(JetStreamAnswers, AConsumerIsReadWhole) {
    json answer = consumer_answer();
    answer.update({{"num_pending", 1},
                   {"num_ack_pending", 2},
                   {"num_redelivered", 3},
                   {"num_waiting", 4},
                   {"created", "1970-01-01T00:00:00.000000006Z"},
                   {"delivered", {{"consumer_seq", 5}, {"stream_seq", 8}}},
                   {"ack_floor", {{"consumer_seq", 4}, {"stream_seq", 7}}}});
    const auto info = consumer_of(answer);
    EXPECT_THAT(info.filters, ElementsAre("IMAGES.blackandwhite"));
    EXPECT_EQ(info.ack_wait, milliseconds(30'000));
    EXPECT_EQ(info.max_deliver, 5);
    EXPECT_EQ(info.pending, 1U);
    EXPECT_EQ(info.ack_pending, 2U);
    EXPECT_EQ(info.redelivered, 3U);
    EXPECT_EQ(info.waiting_pulls, 4U);
    EXPECT_EQ(info.deliveries, 5U);
    EXPECT_THAT(info.created, Optional(ServerTime(std::chrono::nanoseconds(6))));
    EXPECT_EQ(info.ack_floor, 7U);
    EXPECT_EQ(info.last_delivered, 8U);
    EXPECT_EQ(info.paused_until, std::nullopt);
    EXPECT_EQ(info.useless_because, std::nullopt);
    EXPECT_THAT(info.differences, IsEmpty());
}

TEST(JetStreamAnswers, AConsumerThatDoomsJobsIsUseless) {
    for (const auto& [changes, word] :
         {std::pair<json, const char*>{{{"deliver_subject", "a"}}, "push consumer"},
          {{{"ack_policy", "none"}}, "ack_policy"},
          {{{"headers_only", true}}, "headers_only"},
          {{{"priority_groups", {"a"}}}, "priority groups"},
          {{{"max_expires", 999'999'999}}, "max_expires"}}) {
        const auto info = consumer_of(consumer_answer(changes));
        EXPECT_THAT(info.useless_because, Optional(HasSubstr(word)));
        EXPECT_EQ(info.differences.size(), 1U) << changes;
    }
    EXPECT_EQ(consumer_of(consumer_answer({{"max_expires", 1'000'000'000}})).useless_because, std::nullopt);
}

TEST(JetStreamAnswers, DifferencesNameTheFieldAndBothValues) {
    for (const auto& [changes, line] :
         {std::pair<json, const char*>{{{"ack_wait", 1'500'000'000}},
                                       "ack_wait: is 1500000000ns, should be 30s"},
          {{{"backoff", {1'000'000'000}}}, "backoff: is [1000000000], should be empty"},
          {{{"headers_only", true}}, "headers_only: is true, should be false"},
          {{{"inactive_threshold", 5'000'000'000}}, "inactive_threshold: is 5s, should be 0s"},
          {{{"max_expires", 500'000'000}}, "max_expires: is 500000000ns, should be 0s"},
          {{{"priority_groups", {"a"}}}, R"(priority_groups: is ["a"], should be empty)"},
          {{{"filter_subject", ""}}, "filter_subject: is empty, should be IMAGES.blackandwhite"}}) {
        EXPECT_THAT(consumer_of(consumer_answer(changes)).differences, ElementsAre(line));
    }
    EXPECT_THAT(stream_of(stream_answer({{"max_msgs_per_subject", 1}})).differences,
                ElementsAre("max_msgs_per_subject: is 1, should be -1"));
    // What a pull of ours does not meet is the operator's.
    EXPECT_THAT(
        consumer_of(consumer_answer({{"max_expires", 2'000'000'000}, {"max_waiting", 2}, {"max_batch", 1}}))
            .differences,
        IsEmpty());
}

TEST(JetStreamAnswers, TheMessageSizeOfJobsMayBeLarger) {
    EXPECT_THAT(stream_of(stream_answer({{"max_msg_size", 511}})).differences,
                ElementsAre("max_msg_size: is 511, should be 512"));
    for (const int size : {512, 4096, -1, 0}) {
        const auto info = stream_of(stream_answer({{"max_msg_size", size}}));
        EXPECT_THAT(info.differences, IsEmpty()) << size;
        EXPECT_EQ(info.max_msg_size, size);
    }
    const auto asked = std::get<StreamInfo>(read_stream_info(stream_answer().dump(), kNames, 4096));
    EXPECT_THAT(asked.differences, ElementsAre("max_msg_size: is 512, should be 4096"));
    EXPECT_EQ(json::parse(stream_creation(kNames, 4096))["max_msg_size"], 4096);
}

TEST(JetStreamAnswers, TheResultsStreamDiffersWhereItKeepsNoRecords) {
    for (const auto& [changes, line] :
         {std::pair<json, const char*>{{{"retention", "interest"}},
                                       "retention: is interest, should be limits"},
          {{{"storage", "memory"}}, "storage: is memory, should be file"},
          {{{"discard", "new"}}, "discard: is new, should be old"},
          {{{"no_ack", true}}, "no_ack: is true, should be false"},
          {{{"sealed", true}}, "sealed: is true, should be false"},
          {{{"duplicate_window", 1'000'000'000}}, "duplicate_window: is 1s, should be 3600s"},
          {{{"duplicate_window", 1'000'000'000}, {"max_age", 60'000'000'000}},
           "duplicate_window: is 1s, should be 60s"},
          {{{"subjects", {"RESULTS.IMAGES.>"}}},
           R"(subjects: is ["RESULTS.IMAGES.>"], should be ["$JS.EVENT.ADVISORY.CONSUMER.)"
           R"(MAX_DELIVERIES.IMAGES.*","RESULTS.IMAGES.>"])"}}) {
        EXPECT_THAT(results_differences(changes), ElementsAre(line));
    }
}

TEST(JetStreamAnswers, TheLimitsOfTheResultsStreamAreTheOperators) {
    const json as_made = json::parse(results_creation(kNames));
    EXPECT_EQ(as_made["name"], "IMAGES_RESULTS");
    EXPECT_EQ(as_made["num_replicas"], 1);
    EXPECT_EQ(json::parse(results_creation(kNames, 3))["num_replicas"], 3);
    EXPECT_EQ(stream_of(stream_answer({{"num_replicas", 3}})).replicas, 3);
    EXPECT_EQ(as_made["max_age"], 2'592'000'000'000'000);
    EXPECT_EQ(as_made["max_bytes"], 1'073'741'824);
    EXPECT_THAT(results_differences({{"max_age", 0},
                                     {"max_bytes", -1},
                                     {"max_msgs", 5},
                                     {"max_msgs_per_subject", 10},
                                     {"max_msg_size", 4096},
                                     {"num_replicas", 3},
                                     {"duplicate_window", 7'200'000'000'000}}),
                IsEmpty());
    EXPECT_THAT(results_differences({{"max_age", 60'000'000'000}, {"duplicate_window", 60'000'000'000}}),
                IsEmpty());
    json subjects = as_made["subjects"];
    std::reverse(subjects.begin(), subjects.end());
    EXPECT_THAT(results_differences({{"subjects", subjects}}), IsEmpty());
}

TEST(JetStreamAnswers, ABackoffShortensTheAckWait) {
    const auto info = consumer_of(consumer_answer({{"backoff", {2'000'000'000, 1'000'000'000}}}));
    EXPECT_TRUE(info.has_backoff);
    EXPECT_EQ(info.ack_wait, milliseconds(1000));
}

TEST(JetStreamAnswers, APauseCountsWhileItLasts) {
    json answer = consumer_answer({{"pause_until", "2099-01-01T00:00:00Z"}});
    EXPECT_EQ(consumer_of(answer).paused_until, std::nullopt);
    answer["paused"] = true;
    EXPECT_THAT(consumer_of(answer).paused_until, Optional(std::string("2099-01-01T00:00:00Z")));
}

TEST(JetStreamTimes, AreReadToTheNanosecond) {
    const auto nanoseconds = [](std::string_view text) {
        const auto time = read_time(text);
        return time ? time->time_since_epoch().count() : -1;
    };
    EXPECT_EQ(nanoseconds("1970-01-01T00:00:01Z"), 1'000'000'000);
    EXPECT_EQ(nanoseconds("1970-01-01T00:00:01.5Z"), 1'500'000'000);
    EXPECT_EQ(nanoseconds("1970-01-01T00:00:00.000000007Z"), 7);
    EXPECT_EQ(nanoseconds("1970-01-01T01:00:00+01:00"), 0);
    EXPECT_EQ(nanoseconds("1969-12-31T23:00:00-01:00"), -1);  // JetStream is younger than 1970
    EXPECT_EQ(nanoseconds("2026-11-28T13:01:58.123456789Z"), 1'795'870'918'123'456'789);
    for (const char* text : {"", "Z", "2026-11-28", "2026-11-28T13:01:58", "2026-11-28T13:01:58.Z",
                             "2026-13-28T13:01:58Z", "2026-02-30T13:01:58Z", "9999-01-01T00:00:00Z",
                             "2026-11-28T13:01:58Zx", "2026-11-28T13:01:58+1", "-026-11-28T13:01:58Z"}) {
        EXPECT_EQ(read_time(text), std::nullopt) << text;
    }
}

TEST(JetStreamSubjects, OfAcknowledgementsTellTheMessage) {
    for (const char* text : {"$JS.ACK.IMAGES.BW.3.17.40.1795874071396176703.0",
                             "$JS.ACK.hub.account.IMAGES.BW.3.17.40.1795874071396176703.0",
                             "$JS.ACK.hub.account.IMAGES.BW.3.17.40.1795874071396176703.0.more"}) {
        const auto subject = read_acknowledgement_subject(text);
        ASSERT_TRUE(subject) << text;
        EXPECT_EQ(subject->deliveries, 3U);
        EXPECT_EQ(subject->sequence, 17U);
        EXPECT_EQ(subject->stored.time_since_epoch().count(), 1'795'874'071'396'176'703);
    }
    for (const char* text :
         {"", "$JS", "$JS.ACK.IMAGES.BW.3.17.40.1795874071396176703", "$JS.ACK.a.b.x.17.40.1.0",
          "$JS.ACK.a.b.3.17x.40.1.0", "JS.ACK.a.b.3.17.40.1.0", "_INBOX.a.b.c.3.17.40.1.0"}) {
        EXPECT_FALSE(read_acknowledgement_subject(text)) << text;
    }
}

TEST(JetStreamSubjects, OverlapWhereOneSubjectMatchesBoth) {
    for (const auto& [one, other] : {std::pair{"a.b", "a.b"}, {"a.*", "*.b"}, {"a.>", "a.b.c"}, {">", "a"}}) {
        EXPECT_TRUE(overlap(one, other) && overlap(other, one)) << one << " " << other;
    }
    for (const auto& [one, other] : {std::pair{"a", "b"}, {"a.*", "a"}, {"a.*.c", "a.b"}, {"a.>", "b.>"}}) {
        EXPECT_FALSE(overlap(one, other) || overlap(other, one)) << one << " " << other;
    }
}

TEST(JetStreamRequests, AreWhatTheServerReads) {
    EXPECT_EQ(json::parse(pull_request()), json::parse(R"({"batch":1,"expires":1000000000})"));
    EXPECT_EQ(negative_acknowledgement(milliseconds(0)), "-NAK");
    EXPECT_EQ(negative_acknowledgement(milliseconds(1500)), R"(-NAK {"delay":1500000000})");
    // 365 days times 1024 in nanoseconds does not fit.
    EXPECT_EQ(negative_acknowledgement(std::chrono::hours(24 * 365 * 1024)),
              R"(-NAK {"delay":9223372036854775807})");
}

TEST(JsonObject, WritesItsMembersInTheirOrder) {
    JsonObject inner;
    inner.number("n", std::uint64_t{7});
    JsonObject object;
    object.text("t", "a\"\n\xff").number("d", 2.5).texts("l", {"x", "y"}).object("o", inner);
    EXPECT_EQ(object.str(), "{\"t\":\"a\\\"\\n\xef\xbf\xbd\",\"d\":2.5,\"l\":[\"x\",\"y\"],\"o\":{\"n\":7}}");
    EXPECT_EQ(JsonObject().str(), "{}");
}

}  // namespace
}  // namespace bw
