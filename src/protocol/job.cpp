#include <algorithm>
#include <array>
#include <cctype>
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

constexpr std::array<std::string_view, 3> kMembers{"id", "image", "advisory"};
constexpr std::string_view kExample = R"({"id": "5e91425f", "image": "file:///path"})";

void check_id(const std::string& id) {
    const auto bad = [](const std::string& what) {
        refuse("id", "id " + what +
                         " (the name of a file in OUTDIR is right: 1 to 200 bytes of UTF-8, without slash, "
                         "backslash, control character or a dot at the start)");
    };
    if (id.empty()) bad("is empty");
    if (id.size() > kMaxIdBytes) bad("has " + std::to_string(id.size()) + " bytes");
    if (id.front() == '.') bad("starts with a dot");
    if (id.find('/') != std::string::npos) bad("holds a slash");
    if (id.find('\\') != std::string::npos) bad("holds a backslash");
    if (has_control_character(id)) bad("holds a control character");
}

// A subject that one can publish to has tokens between dots, none of them empty, and no wildcards or blanks.
// Subjects that start with $ are the server's own, and a job must not reach them through us.
void check_advisory(const std::string& subject) {
    const auto bad = [](const char* what) { refuse("advisory", std::string("advisory ") + what); };
    if (subject.empty()) bad("is empty (leave it out where nobody is to hear of the job)");
    if (subject.front() == '.' || subject.back() == '.' || subject.find("..") != std::string::npos) {
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

// A name that is a member's but for upper and lower case is meant to be that member. One that is merely like
// it may well be another program's, unless the member itself is missing.
std::string misspelling_of(const json& object, std::string_view member) {
    for (const auto& [name, value] : object.items()) {
        if (name == member || std::ranges::find(kMembers, name) != kMembers.end()) continue;
        if (to_lower(name) == member) return name;
        if (!object.contains(member) && nearest(name, kMembers) == member) return name;
    }
    return "";
}

std::vector<MisspeltMember> misspelt_members(const json& object) {
    std::vector<MisspeltMember> found;
    for (const auto member : kMembers) {
        const std::string name = misspelling_of(object, member);
        if (!name.empty()) found.push_back({.member = name, .meant = member});
    }
    return found;
}

[[noreturn]] void refuse_missing(const json& object, const std::string& member) {
    const std::string name = misspelling_of(object, member);
    const std::string what = "the job has no " + member;
    refuse(member, name.empty() ? what : what + ", but " + name + "; did you mean " + member + "?");
}

const std::string& text_member(const json& object, const char* member) {
    const auto found = object.find(member);
    if (found == object.end()) refuse_missing(object, member);
    if (found->is_string()) return found->get_ref<const std::string&>();
    const std::string what = std::string("the job's ") + member + " is not a string";
    if (found->is_number()) refuse(member, what + " (\"" + found->dump() + "\", in double quotes, is right)");
    refuse(member, what);
}

// Refuses, while a job is parsed, what is nested too deep and members of ours that stand twice: some JSON
// parsers take the first of the two and some the last, and workers must not differ about a job.
class LimitsWhileParsing {
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
    std::set<std::string> seen_;
};

// What JSON wants where the parser met a mistake: at `position`, from 0, or at the end of a token there.
std::string_view what_json_wants(std::string_view payload, std::size_t position) {
    constexpr std::string_view kQuotes = "names and texts stand in double quotes";
    constexpr std::string_view kBlanks = " \t\r\n";
    if (position >= payload.size()) return "it ends too early";
    const char c = payload[position];
    const auto before = payload.substr(0, position).find_last_not_of(kBlanks);
    switch (c) {
        case '\'':
            return kQuotes;
        case '"':
            return "a comma or colon is missing before this text";
        case '=':
            return "a colon stands between name and value";
        case '/':
        case '#':
            return "there are no comments";
        case '}':
        case ']':
            return before != std::string_view::npos && payload[before] == ','
                       ? "no comma stands before it"
                       : "what stands before it is not whole";
        default:
            break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) return "a control character in a text is written as \\n or \\u0000";
    if (byte >= 0x80) return "all is UTF-8";
    return std::isalpha(byte) ? kQuotes : "another character is due";
}

[[noreturn]] void refuse_json(std::string_view payload, std::size_t byte) {
    const std::size_t position = byte > 0 ? byte - 1 : 0;
    std::string where = "at byte " + std::to_string(byte);
    if (position < payload.size() && std::isgraph(static_cast<unsigned char>(payload[position]))) {
        where.append(", ").append(1, payload[position]);
    }
    refuse("payload", "the job is not valid JSON (" + where + ": " +
                          std::string(what_json_wants(payload, position)) + "; " + std::string(kExample) +
                          " is right)");
}

// The parser also refuses strings that are no UTF-8.
json parse_object(std::string_view payload) {
    if (payload.size() > kMaxJobBytes) {
        refuse("payload", "the job has " + std::to_string(payload.size()) + " bytes, at most " +
                              std::to_string(kMaxJobBytes) + " are allowed");
    }
    json object;
    try {
        object = json::parse(payload, LimitsWhileParsing());
    } catch (const json::parse_error& e) {
        refuse_json(payload, e.byte);
    } catch (const json::out_of_range&) {
        refuse("payload", "the job holds a number that is too large");
    }
    if (!object.is_object()) {
        refuse("payload", "the job is not a JSON object (" + std::string(kExample) + " is right)");
    }
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
    job.misspelt = misspelt_members(object);
}

std::string advisory_body(const Job& job) { return json{{"id", job.id}}.dump(); }

}  // namespace bw
