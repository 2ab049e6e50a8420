#include "bw/protocol/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "bw/protocol/stored.hpp"

// Records of the results stream: written, read, and as docs/records.md says.
namespace bw {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using testing::Optional;

const QueueNames kNames{"IMAGES", "BW"};

Record done() {
    return {.outcome = Record::Outcome::kDone,
            .id = "5e91",
            .sequence = 17,
            .delivery = 2,
            .max_deliver = 5,
            .image = "file:///a.jpg",
            .queued = *read_time("2026-11-28T13:01:58.000000007Z"),
            .stream_created = read_time("2026-11-28T13:00:00Z"),
            .trace = "4bf92f3577b34da6a3ce929d0e0e4736",
            .worker = "pod-7:12",
            .version = "1.0.0",
            .time = *read_time("2026-11-28T13:02:00.5Z"),
            .output = "/out/5e91.jpg",
            .figures = {.input_bytes = 1,
                        .output_bytes = 2,
                        .frames = 5,
                        .columns = 3,
                        .rows = 4,
                        .read = microseconds(6),
                        .decode = microseconds(7),
                        .monochrome = microseconds(8),
                        .encode = microseconds(9),
                        .commit = microseconds(10)}};
}

Record failed(std::uint64_t delivery = 5) {
    Record record = done();
    record.outcome = Record::Outcome::kFailed;
    record.delivery = delivery;
    record.kind = "image";
    record.failure_class = "permanent";
    record.where = "file:///a.jpg";
    record.what = "no picture";
    return record;
}

std::set<std::string> members_of(const std::string& body) {
    std::set<std::string> names;
    const json object = json::parse(body);
    for (const auto& member : object.items()) names.insert(member.key());
    return names;
}

// {outcome: members}, from the table in docs/records.md.
std::set<std::string> documented_members(const std::string& outcome) {
    std::ifstream file(BW_SOURCE_DIR "/docs/records.md");
    std::set<std::string> names;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("| `")) continue;
        const auto end = line.find('`', 3);
        const auto of = line.find("| ", line.find("| ", end) + 2) + 2;
        const std::string whose = line.substr(of, line.find(' ', of) - of);
        if (whose == outcome || whose == "both") names.insert(line.substr(3, end - 3));
    }
    return names;
}

TEST(Records, HaveTheMembersThatTheDocumentLists) {
    EXPECT_EQ(members_of(record_body(done())), documented_members("done"));
    EXPECT_EQ(members_of(record_body(failed())), documented_members("failed"));
}

TEST(Records, AreReadAsTheyWereWritten) {
    for (const Record& record : {done(), failed()}) {
        const auto read = read_record(record_body(record));
        ASSERT_TRUE(read);
        EXPECT_EQ(record_body(*read), record_body(record));
    }
}

TEST(Records, SayWhichDeliveryIsTheLast) {
    EXPECT_EQ(json::parse(record_body(failed(5)))["last"], true);
    EXPECT_EQ(json::parse(record_body(failed(4)))["last"], false);
    Record endless = failed(100);
    endless.max_deliver = -1;
    EXPECT_EQ(json::parse(record_body(endless))["last"], false);
    EXPECT_FALSE(json::parse(record_body(endless)).contains("max_deliver"));
}

TEST(Records, OfAJobThatCannotBeReadAreRecordsToo) {
    Record record = failed(1);
    record.id = record.image = record.trace = "";
    record.what = std::string(100'000, '\xff');
    const std::string body = record_body(record);
    EXPECT_FALSE(json::parse(body).contains("id"));
    EXPECT_LT(body.size(), 64 * 1024U);
    EXPECT_TRUE(read_record(body));
}

TEST(Records, WhatIsNoneIsCalledNone) {
    for (const char* text : {"", "{", "[]", "5", "{}", R"({"outcome":"done"})", R"({"outcome":5,"seq":1})",
                             R"({"outcome":"done","seq":"1","queued":1,"time":{}})"}) {
        EXPECT_FALSE(read_record(text)) << text;
    }
}

// Two workers may both do a job; its results stream keeps one record.
TEST(Records, OfOneJobDoneHaveOneMessageId) {
    Record again = done();
    again.delivery = 3;
    again.worker = "pod-8:1";
    again.time += std::chrono::seconds(1);
    EXPECT_EQ(record_message_id(kNames, again), record_message_id(kNames, done()));

    Record of_new_stream = done();
    of_new_stream.queued += std::chrono::nanoseconds(1);
    EXPECT_NE(record_message_id(kNames, of_new_stream), record_message_id(kNames, done()));
    EXPECT_NE(record_message_id({"IMAGES", "OTHER"}, done()), record_message_id(kNames, done()));
    EXPECT_NE(record_message_id(kNames, failed(2)), record_message_id(kNames, done()));
    EXPECT_NE(record_message_id(kNames, failed(2)), record_message_id(kNames, failed(3)));
}

TEST(Records, LieOnSubjectsOfTheirJob) {
    EXPECT_EQ(record_subject(kNames, Record::Outcome::kDone, 17), "RESULTS.IMAGES.BW.done.17");
    EXPECT_EQ(record_subject(kNames, Record::Outcome::kFailed, 18), "RESULTS.IMAGES.BW.failed.18");
    EXPECT_TRUE(matches(record_subjects(kNames), record_subject(kNames, Record::Outcome::kFailed, 18)));
    EXPECT_EQ(dead_subject(kNames), "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.IMAGES.BW");
}

TEST(Times, AreWrittenAsTheyAreRead) {
    for (const char* text : {"2026-11-28T13:01:58.123456789Z", "1970-01-01T00:00:00.000000000Z",
                             "2000-02-29T23:59:59.000000001Z"}) {
        EXPECT_EQ(write_time(*read_time(text)), text);
    }
}

TEST(StoredMessages, AreRead) {
    const auto answer = read_message(
        R"({"message":{"subject":"IMAGES.a","seq":7,"hdrs":"TkFUUw==","data":"e30=","time":"2026-11-28T13:01:58Z"}})");
    const auto& message = std::get<EncodedMessage>(answer);
    EXPECT_EQ(message.sequence, 7U);
    EXPECT_EQ(message.subject, "IMAGES.a");
    EXPECT_EQ(message.headers_base64, "TkFUUw==");
    EXPECT_EQ(message.payload_base64, "e30=");
    EXPECT_EQ(message.time, *read_time("2026-11-28T13:01:58Z"));
    EXPECT_EQ(std::get<ApiError>(
                  read_message(R"({"error":{"code":404,"err_code":10037,"description":"no message found"}})"))
                  .code,
              kMessageNotFound);
}

TEST(StoredMessages, AnswersToPublishersAreRead) {
    const auto stored = std::get<Published>(read_publication(R"({"stream":"IMAGES","seq":7})"));
    EXPECT_EQ(stored.sequence, 7U);
    EXPECT_FALSE(stored.duplicate);
    EXPECT_TRUE(
        std::get<Published>(read_publication(R"({"stream":"IMAGES","seq":7,"duplicate":true})")).duplicate);
    const auto refused = read_publication(
        R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"IMAGES","seq":0})");
    EXPECT_EQ(std::get<ApiError>(refused).code, kMessageTooLarge);
}

TEST(StoredMessages, WhatIsNoAnswerIsCalledNone) {
    for (const char* text : {"", "{", "[]", "{}", R"({"message":5})", R"({"message":{"seq":"x"}})",
                             R"({"success":"yes","seq":-1})"}) {
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_message(text))) << text;
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_deletion(text))) << text;
        EXPECT_TRUE(std::holds_alternative<NoAnswer>(read_publication(text))) << text;
    }
}

}  // namespace
}  // namespace bw
