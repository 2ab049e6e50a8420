#include "bw/queue/dead.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/config.hpp"
#include "bw/protocol/stored.hpp"
#include "cli/dead.hpp"

// What `bw dead` needs no server for: which job a selection takes, and what is printed and read.
namespace bw::cli {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

const ServerTime kNow = *read_time("2026-11-28T12:00:00Z");

DeadJob job_of(const std::string& id) {
    DeadJob job{.message = {.sequence = 17,
                            .subject = "IMAGES.blackandwhite",
                            .time = kNow - hours(3),
                            .headers = {},
                            .payload = {}},
                .id = id,
                .image = "file:///data/" + id + ".JPG",
                .attempts = 5,
                .since = kNow - hours(2)};
    job.record =
        Record{.kind = "input", .failure_class = "transient", .where = "/Data", .what = "Is not there"};
    job.reason_is_known = true;
    return job;
}

TEST(DeadSelection, TakesWhatAllOfItNames) {
    const DeadJob job = job_of("one");
    EXPECT_TRUE(Selection{}.takes(job, kNow));
    EXPECT_TRUE((Selection{.sequences = {3, 17}, .id = "one", .kind = "input", .failure_class = "transient"})
                    .takes(job, kNow));
    EXPECT_FALSE(Selection{.sequences = {3}}.takes(job, kNow));
    EXPECT_FALSE((Selection{.sequences = {17}, .id = "two"}).takes(job, kNow));
    EXPECT_FALSE((Selection{.sequences = {}, .id = "one", .kind = "image"}).takes(job, kNow));
    for (const auto* text : {"ONE", "data/one.jpg", "/data", "is NOT"}) {
        Selection selection;
        selection.text = text;
        EXPECT_TRUE(selection.takes(job, kNow)) << text;
    }
    Selection older;
    older.older = hours(2);
    EXPECT_TRUE(older.takes(job, kNow));
    older.older = hours(2) + std::chrono::milliseconds(1);
    EXPECT_FALSE(older.takes(job, kNow));
}

TEST(DeadSelection, AnAgeMayBeOfDays) {
    EXPECT_EQ(read_duration_flag("--older", "0"), hours(0));
    EXPECT_EQ(read_duration_flag("--older", "90s"), std::chrono::seconds(90));
    EXPECT_EQ(read_duration_flag("--older", "1d"), hours(24));
    EXPECT_EQ(read_duration_flag("--older", "30d"), hours(720));
    EXPECT_EQ(read_duration_flag("--older", "2w"), hours(336));
    for (const auto* wrong : {"", "d", "1y", "1 d", "-1d", "366d", "99999999999999999999d"}) {
        EXPECT_THROW(read_duration_flag("--older", wrong), Error) << wrong;
    }
}

TEST(DeadSelection, AClassIsThatOfAKnownFailure) {
    DeadJob job = job_of("one");
    Selection selection;
    selection.failure_class = "transient";
    job.reason_is_known = false;
    EXPECT_FALSE(selection.takes(job, kNow));
    EXPECT_EQ(kind_of(job), "unknown");
    EXPECT_THAT(what_of(job), HasSubstr("killed, or no record; try 0: input: Is not there"));
    job.reason_is_known = job.is_done = true;
    EXPECT_FALSE(selection.takes(job, kNow));
    EXPECT_EQ(kind_of(job), "done");
}

TEST(DeadList, HasColumnsAndCutsWhatIsLong) {
    DeadJob job = job_of(std::string(100, 'x') + "\xc3\xa9");
    const std::string text = list_text({job_of("\xc3\xa9"), job}, kNow, 0);
    EXPECT_THAT(text, HasSubstr("seq  id"));
    EXPECT_THAT(text, HasSubstr("17   \xc3\xa9   "));
    EXPECT_THAT(text, HasSubstr(job.id + "  input  Is not there  5         2h   " + job.image));
    const std::string narrow = list_text({job_of("\xc3\xa9"), job}, kNow, 80);
    EXPECT_THAT(narrow,
                HasSubstr("17   " + std::string(17, 'x') + "…  input  Is not there  5         2h   f"));
    EXPECT_THAT(list_text({job}, kNow, 1),
                HasSubstr("17   xxxxxxx…  input  Is not …  5         2h   file://…\n"));
    EXPECT_EQ(counts_text({job, job}), "2 dead: 2 input");
    job.is_done = true;
    EXPECT_EQ(counts_text({job_of("x"), job, job}), "1 dead: 1 input; and 2 that are done");
    EXPECT_EQ(counts_text({}), "0 dead");
}

TEST(Printable, NothingMovesTheCursor) {
    EXPECT_EQ(log::printable("a b=\"c\"\\ \xc3\xa9"), "a b=\"c\"\\ \xc3\xa9");
    EXPECT_EQ(log::printable("\x1b[2J\r\n\x7f\xc2\x9b\xe2\x80\xae\xff"), R"(\u001b[2J\r\n\u007f\u009b\u202e)"
                                                                         "\xef\xbf\xbd");
    EXPECT_EQ(log::printable_json(R"({"a":"\n\")"
                                  "\xc2\x9b\"}"),
              R"({"a":"\n\"\u009b"})");
}

TEST(ExportedJobs, AreReadAsTheyWereWritten) {
    StoredMessage job{.sequence = 17,
                      .subject = "IMAGES.blackandwhite",
                      .time = kNow,
                      .headers = {{"traceparent", "00-1"}, {"X", "a: b"}, {"Empty", ""}},
                      .payload = "{\"id\": \"\xc3\xa9\"}"};
    for (const std::string& payload :
         {job.payload, std::string("\0\xff\xfe", 3), std::string("\xff"), std::string()}) {
        job.payload = payload;
        const std::string line = exported_job(job);
        EXPECT_EQ(line.find('\n'), line.npos);
        const auto read = read_exported_job(line);
        ASSERT_TRUE(read) << line;
        EXPECT_EQ(read->sequence, 17U);
        EXPECT_EQ(read->subject, job.subject);
        EXPECT_EQ(read->time, job.time);
        EXPECT_EQ(read->payload, payload);
        ASSERT_EQ(read->headers.size(), 3U) << line;
        EXPECT_EQ(read->headers[1].value, "a: b");
        EXPECT_EQ(read->headers[2].name + read->headers[2].value, "Empty");
    }
}

TEST(ExportedJobs, WhatIsNoneIsCalledNone) {
    for (const auto* line :
         {"", "x", "[]", "{}", R"({"id":"a","image":"file:///x"})",
          R"({"seq":1,"time":"2026-11-28T12:00:00Z"})",
          R"({"seq":0,"time":"2026-11-28T12:00:00Z","payload":""})", R"({"seq":1,"time":"x","payload":""})",
          R"({"seq":1,"time":"2026-11-28T12:00:00Z","payload":5})",
          R"({"seq":1,"time":"2026-11-28T12:00:00Z","payload":"","headers":["x"]})"}) {
        EXPECT_FALSE(read_exported_job(line)) << line;
    }
}

TEST(MaxDeliveries, AreRead) {
    const auto read = read_max_deliveries(R"({"stream":"IMAGES","stream_seq":17,"deliveries":5})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->sequence, 17U);
    EXPECT_EQ(read->deliveries, 5U);
    for (const auto* body : {"", "x", "{}", R"({"stream_seq":"17"})"})
        EXPECT_FALSE(read_max_deliveries(body));
}

TEST(SizeInStream, CountsHeadersAsTheServerDoes) {
    EXPECT_EQ(size_in_stream({}, "12345"), 5U);
    EXPECT_EQ(size_in_stream({{"a", "b"}}, "12345"), std::string("NATS/1.0\r\na: b\r\n\r\n12345").size());
}

}  // namespace
}  // namespace bw::cli
