#include "bw/job.hpp"

#include <gtest/gtest.h>

#include <string>

#include "bw/error.hpp"

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
    for (const char* subject :
         {R"("")", R"(".a")", R"("a.")", R"("a..b")", R"("a b")", R"("a\tb")", R"("a\u0000")", R"("a.*")",
          R"("a.>")", R"("a\r\nPUB x 0")", "17", "null", R"("$SYS.x")"}) {
        EXPECT_NE(complaint(with_advisory(subject)), "") << subject;
    }
}

TEST(Job, AdvisoryNamesTheId) {
    Job job;
    job.id = "gr\xc3\xbcn \"x\"";
    EXPECT_EQ(advisory_body(job), "{\"id\":\"gr\xc3\xbcn \\\"x\\\"\"}");
}

}  // namespace
}  // namespace bw
