#include <gtest/gtest.h>

#include <string>

#include "bw/base/error.hpp"
#include "bw/protocol.hpp"

namespace bw {
namespace {

// What parse_job says against a payload; empty if it takes it.
std::string complaint(const std::string& payload) {
    Job job;
    try {
        parse_job(payload, job);
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kJob);
        return e.what();
    }
    return "";
}

std::string with_id(const std::string& id) { return R"({"id": ")" + id + R"(", "image": "file:///a.jpg"})"; }

std::string with_advisory(const std::string& json) {
    return R"({"id": "a", "image": "file:///a.jpg", "advisory": )" + json + "}";
}

TEST(Job, IsReadWithUnknownMembersIgnored) {
    Job job;
    parse_job(R"({"id": "5e", "image": "file:///a.jpg", "advisory": "advisory.5e", "more": {"x": [1]}})",
              job);
    EXPECT_EQ(job.id, "5e");
    EXPECT_EQ(job.image, "file:///a.jpg");
    EXPECT_EQ(job.advisory, "advisory.5e");
}

TEST(Job, NeedsNoAdvisory) {
    Job job;
    parse_job(with_id("5e"), job);
    EXPECT_FALSE(job.advisory.has_value());
}

TEST(Job, RefusesWhatIsNoJob) {
    for (const char* payload : {"", "{", "[]", "17", "null", "{\"id\": \"\xff\"}", "{}x"}) {
        EXPECT_NE(complaint(payload), "") << payload;
    }
    EXPECT_EQ(complaint("{}"), "the job has no id");
    EXPECT_EQ(complaint(R"({"id": 17})"), "the job's id is not a string");
    EXPECT_EQ(complaint(R"({"id": "a"})"), "the job has no image");
    EXPECT_EQ(complaint(R"({"id": "a", "image": null})"), "the job's image is not a string");
    EXPECT_EQ(complaint("{\"id\":"), "the job is not valid JSON (at byte 7)");
}

// "id" last, so that the limit is what refuses.
std::string nested(int depth) {
    const auto levels = static_cast<std::size_t>(depth - 1);  // the job itself is one
    return R"({"x": )" + std::string(levels, '[') + std::string(levels, ']') +
           R"(, "id": "a", "image": "file:///a.jpg"})";
}

TEST(Job, BoundsDepth) {
    EXPECT_EQ(complaint(nested(kMaxJobDepth)), "");
    EXPECT_EQ(complaint(nested(kMaxJobDepth + 1)), "the job is nested more than 16 deep");
    EXPECT_EQ(complaint(std::string(kMaxJobBytes, '[')), "the job is nested more than 16 deep");
}

TEST(Job, BoundsBytes) {
    const std::string job = with_id("a");
    EXPECT_EQ(complaint(job + std::string(kMaxJobBytes - job.size(), ' ')), "");
    EXPECT_EQ(complaint(job + std::string(kMaxJobBytes - job.size() + 1, ' ')),
              "the job has 65537 bytes, at most 65536 are allowed");
    EXPECT_EQ(complaint(std::string(8 << 20, '[')), "the job has 8388608 bytes, at most 65536 are allowed");
}

TEST(Job, RefusesWhatParsersReadDifferently) {
    EXPECT_EQ(complaint(R"({"id": "a", "image": "file:///a.jpg", "id": "b"})"),
              "the job has more than one id");
    EXPECT_EQ(complaint(R"({"id": "a", "\u0069d": "b", "image": "file:///a.jpg"})"),
              "the job has more than one id");
    EXPECT_EQ(complaint(R"({"id": "a", "image": "file:///a.jpg", "x": 1, "x": 2, "y": {"id": "b"}})"), "");
    EXPECT_EQ(complaint(R"({"id": "a", "image": "file:///a.jpg", "x": 1e999})"),
              "the job holds a number that is too large");
}

TEST(Job, TakesIdsThatAreFileNames) {
    for (const std::string& id : {std::string(1, 'a'), std::string(200, 'a'), std::string("grün 写真"),
                                  std::string("a.b..c"), std::string("*?&;$(x)"), std::string("\xc2\xa0")}) {
        EXPECT_EQ(complaint(with_id(id)), "") << id;
    }
}

TEST(Job, RefusesIdsThatAreNot) {
    for (const std::string& id :
         {std::string(), std::string(201, 'a'), std::string(".a"), std::string(".."), std::string("a/b"),
          std::string(R"(a\\b)"), std::string(R"(a\nb)"), std::string(R"(a\u0000)"), std::string(R"(\u007f)"),
          std::string(R"(\u0085)"), std::string(100, 'x') + std::string(101, 'y')}) {
        EXPECT_NE(complaint(with_id(id)), "") << id;
    }
}

TEST(Job, GivesTheIdOfAJobThatIsRefused) {
    Job job;
    EXPECT_THROW(parse_job(R"({"id": "a/b", "image": "file:///a.jpg"})", job), Error);
    EXPECT_EQ(job.id, "a/b");
}

TEST(Job, TakesSubjectsToPublishTo) {
    for (const char* subject : {R"("a")", R"("advisory.5e.x-y_z")", R"("ü.写")"}) {
        EXPECT_EQ(complaint(with_advisory(subject)), "") << subject;
    }
}

TEST(Job, RefusesSubjectsThatOneCannotPublishTo) {
    for (const char* subject : {R"("")",
                                R"(".a")",
                                R"("a.")",
                                R"("a..b")",
                                R"("a b")",
                                R"("a\tb")",
                                R"("a\u0000")",
                                R"("a.*")",
                                R"("a.>")",
                                R"("a\r\nPUB x 0")",
                                R"("a\r")",
                                R"("a\n")",
                                R"("a\u000b")",
                                R"("a\u007f")",
                                R"("a\u0085")",
                                R"("$SYS.x")",
                                R"("$JS.API.STREAM.DELETE.IMAGES")",
                                R"("$")",
                                R"(".")",
                                "17",
                                "null",
                                "[]",
                                "\"a\xff\"",
                                R"("a\ud800")"}) {
        EXPECT_NE(complaint(with_advisory(subject)), "") << subject;
    }
    EXPECT_EQ(complaint(with_advisory('"' + std::string(512, 'a') + '"')), "");
    EXPECT_NE(complaint(with_advisory('"' + std::string(513, 'a') + '"')), "");
}

TEST(Job, AdvisoryNamesTheId) {
    Job job;
    job.id = "gr\xc3\xbcn \"x\"";
    EXPECT_EQ(advisory_body(job), "{\"id\":\"gr\xc3\xbcn \\\"x\\\"\"}");
}

}  // namespace
}  // namespace bw
