#include "bw/protocol.hpp"

namespace bw {

bool matches(std::string_view pattern, std::string_view subject) {
    while (true) {
        const auto pattern_end = pattern.find('.');
        const auto subject_end = subject.find('.');
        const auto token = pattern.substr(0, pattern_end);
        if (token == ">" && pattern_end == pattern.npos) return true;
        if (token != "*" && token != subject.substr(0, subject_end)) return false;
        if (pattern_end == pattern.npos || subject_end == subject.npos) return pattern_end == subject_end;
        pattern.remove_prefix(pattern_end + 1);
        subject.remove_prefix(subject_end + 1);
    }
}

bool overlap(std::string_view one, std::string_view other) {
    while (true) {
        const auto one_end = one.find('.');
        const auto other_end = other.find('.');
        const auto token = one.substr(0, one_end);
        const auto other_token = other.substr(0, other_end);
        if (token == ">" || other_token == ">") return true;
        if (token != "*" && other_token != "*" && token != other_token) return false;
        if (one_end == one.npos || other_end == other.npos) return one_end == other_end;
        one.remove_prefix(one_end + 1);
        other.remove_prefix(other_end + 1);
    }
}

}  // namespace bw
