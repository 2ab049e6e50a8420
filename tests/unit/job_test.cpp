#include <gtest/gtest.h>

#include <string>

#include "bw/base/error.hpp"
#include "bw/protocol.hpp"

namespace bw {
namespace {

// Returns what parse_job says against a payload, or "" if it takes the payload.
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
    EXPECT_EQ(complaint(R"({"id": 17})"),
              R"(the job's id is not a string ("17", in double quotes, is right))");
    EXPECT_EQ(complaint(R"({"id": null})"), "the job's id is not a string");
    EXPECT_EQ(complaint(R"({"id": "a"})"), "the job has no image");
    EXPECT_EQ(complaint(R"({"id": "a", "image": null})"), "the job's image is not a string");
    EXPECT_EQ(complaint("[]"),
              R"(the job is not a JSON object ({"id": "5e91425f", "image": "file:///path"} is right))");
}

// The error says where the mistake is, and what JSON wants there.
std::string json_mistake(const std::string& payload) {
    const std::string said = complaint(payload);
    const std::string before = "the job is not valid JSON (";
    const std::string after = R"(; {"id": "5e91425f", "image": "file:///path"} is right))";
    if (!said.starts_with(before) || !said.ends_with(after)) return "not as expected: " + said;
    return said.substr(before.size(), said.size() - before.size() - after.size());
}

TEST(Job, SaysWhatJsonWants) {
    EXPECT_EQ(json_mistake(""), "at byte 1: it ends too early");
    EXPECT_EQ(json_mistake("{\"id\":"), "at byte 7: it ends too early");
    EXPECT_EQ(json_mistake("{'id': 'a'}"), "at byte 2, ': names and texts stand in double quotes");
    EXPECT_EQ(json_mistake("{id: 1}"), "at byte 2, i: names and texts stand in double quotes");
    EXPECT_EQ(json_mistake(R"({"id": a})"), "at byte 8, a: names and texts stand in double quotes");
    EXPECT_EQ(json_mistake(R"({"id" = "a"})"), "at byte 7, =: a colon stands between name and value");
    EXPECT_EQ(json_mistake(R"({"id": "a",})"), "at byte 12, }: no comma stands before it");
    EXPECT_EQ(json_mistake(R"({"id": })"), "at byte 8, }: what stands before it is not whole");
    EXPECT_EQ(json_mistake(R"({"id": "a" "image": "b"})"),
              "at byte 18, \": a comma or colon is missing before this text");
    EXPECT_EQ(json_mistake("{} // done"), "at byte 4, /: there are no comments");
    EXPECT_EQ(json_mistake("{\"id\": \"a\nb\"}"),
              "at byte 10: a control character in a text is written as \\n or \\u0000");
    EXPECT_EQ(json_mistake("{\"id\": \"\xff\"}"), "at byte 9: all is UTF-8");
}

std::string misspelt(const std::string& payload) {
    Job job;
    parse_job(payload, job);
    std::string found;
    for (const auto& [member, meant] : job.misspelt) found += member + ">" + std::string(meant) + " ";
    return found;
}

TEST(Job, NamesMembersThatAreNearlyOurs) {
    const std::string start = R"({"id": "a", "image": "file:///a.jpg", )";
    EXPECT_EQ(misspelt(start + R"("advisery": "x"})"), "advisery>advisory ");
    EXPECT_EQ(misspelt(start + R"("Advisory": "x", "Id": "b"})"), "Id>id Advisory>advisory ");
    EXPECT_EQ(misspelt(start + R"("advisory": "x", "IMAGE": 1})"), "IMAGE>image ");
    // Other programs put members of their own into a job. None of ours is missing, so none was misspelt.
    EXPECT_EQ(misspelt(start + R"("advisory": "x", "uid": 1, "images": [], "advisories": []})"), "");
    EXPECT_EQ(misspelt(start + R"("priority": 3})"), "");
    EXPECT_EQ(complaint(R"({"Id": "a", "image": "file:///a.jpg"})"),
              "the job has no id, but Id; did you mean id?");
    EXPECT_EQ(complaint(R"({"id": "a", "imgae": "file:///a.jpg"})"),
              "the job has no image, but imgae; did you mean image?");
}

TEST(Job, SaysWhatIdOrAdvisoryWouldBeRight) {
    EXPECT_EQ(complaint(with_id("a/b")),
              "id holds a slash (the name of a file in OUTDIR is right: 1 to 200 bytes of UTF-8, without "
              "slash, backslash, control character or a dot at the start)");
    EXPECT_EQ(complaint(with_advisory(R"("")")),
              "advisory is empty (leave it out where nobody is to hear of the job)");
}

// The member "id" stands last, so that only the limit can refuse the job.
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
