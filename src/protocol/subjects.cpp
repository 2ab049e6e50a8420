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

}  // namespace bw
