#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "bw/protocol.hpp"

namespace bw {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& member, const std::string& what) {
    throw Error(ErrorKind::kJob, member, what);
}

void check_id(const std::string& id) {
    if (id.empty()) refuse("id", "id is empty (1 to 200 bytes of UTF-8 are right)");
    if (id.size() > kMaxIdBytes) {
        refuse("id", "id has " + std::to_string(id.size()) + " bytes, at most 200 are allowed");
    }
    if (id.front() == '.') refuse("id", "id starts with a dot");
    if (id.find_first_of("/\\") != std::string::npos) refuse("id", "id holds a slash or backslash");
    if (has_control_character(id)) refuse("id", "id holds a control character");
}

// What one can publish to: tokens between dots, none empty, no wildcards, no blanks. Subjects that start with
// $ are the server's own; a job must not reach them through us.
void check_advisory(const std::string& subject) {
    const auto bad = [](const char* what) { refuse("advisory", std::string("advisory ") + what); };
    if (subject.empty() || subject.front() == '.' || subject.back() == '.' ||
        subject.find("..") != std::string::npos) {
        bad("is no subject: it has an empty token");
    }
    if (subject.find_first_of("*>") != std::string::npos) {
        bad("is no subject to publish to: it holds a wildcard");
    }
    if (subject.find(' ') != std::string::npos || has_control_character(subject)) {
        bad("is no subject: it holds a blank or control character");
    }
    if (subject.size() > kMaxAdvisoryBytes) bad("is no subject: it is longer than 512 bytes");
    if (subject.front() == '$') bad("is a subject of the NATS server's own ($...)");
}

const std::string& text_member(const json& object, const char* member) {
    const auto found = object.find(member);
    if (found == object.end()) refuse(member, std::string("the job has no ") + member);
    if (!found->is_string()) refuse(member, std::string("the job's ") + member + " is not a string");
    return found->get_ref<const std::string&>();
}

// Of members that stand twice, JSON parsers take the first or the last: workers must not differ about a job.
class Gatekeeper {
  public:
    bool operator()(int depth, json::parse_event_t event, const json& parsed) {
        using Event = json::parse_event_t;
        if ((event == Event::object_start || event == Event::array_start) && depth >= kMaxJobDepth) {
            refuse("payload", "the job is nested more than " + std::to_string(kMaxJobDepth) + " deep");
        }
        if (event != Event::key || depth != 1) return true;
        const auto& member = parsed.get_ref<const std::string&>();
        const bool ours = std::find(kMembers.begin(), kMembers.end(), member) != kMembers.end();
        if (ours && !seen_.insert(member).second) refuse(member, "the job has more than one " + member);
        return true;
    }

  private:
    static constexpr std::array<std::string_view, 3> kMembers{"id", "image", "advisory"};
    std::set<std::string> seen_;
};

// The parser also refuses strings that are no UTF-8.
json parse_object(std::string_view payload) {
    if (payload.size() > kMaxJobBytes) {
        refuse("payload", "the job has " + std::to_string(payload.size()) + " bytes, at most " +
                              std::to_string(kMaxJobBytes) + " are allowed");
    }
    json object;
    try {
        object = json::parse(payload, Gatekeeper());
    } catch (const json::parse_error& e) {
        refuse("payload", "the job is not valid JSON (at byte " + std::to_string(e.byte) + ")");
    } catch (const json::out_of_range&) {
        refuse("payload", "the job holds a number that is too large");
    }
    if (!object.is_object()) refuse("payload", "the job is not a JSON object");
    return object;
}

}  // namespace

void parse_job(std::string_view payload, Job& job) {
    const json object = parse_object(payload);
    job.id = text_member(object, "id");
    check_id(job.id);
    job.image = text_member(object, "image");
    if (object.contains("advisory")) {
        job.advisory = text_member(object, "advisory");
        check_advisory(*job.advisory);
    }
}

std::string advisory_body(const Job& job) { return json{{"id", job.id}}.dump(); }

}  // namespace bw
