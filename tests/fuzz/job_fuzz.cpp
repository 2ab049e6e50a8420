// A message from the queue: it is a job or an Error of kind kJob, and what is logged about it is one line.
#include <nlohmann/json.hpp>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/protocol.hpp"
#include "check.hpp"

namespace bw::fuzz {
namespace {

void check_log_lines(std::string_view message, const log::Fields& fields) {
    const auto line = log::format_line(log::Format::kText, log::Level::kInfo, message, fields);
    require(!has_control_character(line), "a log line is one line, and gives a terminal no orders");
    const auto members = log::format_line(log::Format::kJson, log::Level::kInfo, message, fields);
    require(!has_control_character(members), "a JSON log line is one line, and gives a terminal no orders");
    const auto parsed = nlohmann::json::parse("{" + members + "}");
    require(parsed.size() == 2 + fields.size(), "a JSON log line has the members that were logged");
    for (const auto& field : fields) require(parsed[std::string(field.name)].is_string(), "text stays text");
}

void check_job(const Job& job) {
    require(!job.id.empty() && job.id.size() <= kMaxIdBytes, "an id has 1 to 200 bytes");
    require(job.id.find('/') == std::string::npos && job.id.front() != '.', "an id is the name of a file");
    require(!has_control_character(job.id), "an id has no control characters");
    require(nlohmann::json::parse(advisory_body(job)) == nlohmann::json{{"id", job.id}},
            "an advisory has the id");
    if (!job.advisory) return;
    const std::string& subject = *job.advisory;
    require(!subject.empty() && subject.front() != '$', "an advisory's subject is none of the server's own");
    require(subject.find_first_of(" *>") == std::string::npos && !has_control_character(subject),
            "an advisory's subject can be published to");
    require(("." + subject + ".").find("..") == std::string::npos,
            "an advisory's subject has no empty token");
}

void check_message(const std::string& payload) {
    Job job;
    try {
        parse_job(payload, job);
        check_job(job);
        check_log_lines("job done", {{"id", job.id}, {"image", job.image}});
    } catch (const Error& error) {
        require(error.kind() == ErrorKind::kJob, "what is no job is an error of kind job");
        check_log_lines(error.what(), {{"where", error.where()}, {"id", job.id}});
    }
}

// What is a job but for one member, which is all that a mutation has to find.
std::string with_member(const char* member, const std::string& text) {
    nlohmann::json job{{"id", "5e"}, {"image", "file:///a.jpg"}, {"advisory", "a.5e"}};
    job[member] = text;
    return job.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace
}  // namespace bw::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    const std::string bytes(fuzz::text(data, size));
    fuzz::check_message(bytes);
    fuzz::check_message(fuzz::with_member("id", bytes));
    fuzz::check_message(fuzz::with_member("advisory", bytes));
    // Whatever else the process logs: bytes that are no UTF-8 may stand in a file's name.
    fuzz::check_log_lines(bytes, {{"where", bytes}});
    return 0;
}
