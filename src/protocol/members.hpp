// Members of JSON that somebody else wrote: each read has a type and a value for what is not there or of
// another type, so that no shape of JSON throws.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bw/protocol.hpp"

namespace bw {

using nlohmann::json;

// The result is json's "discarded" value where the bytes are no JSON.
inline json parse_json(std::string_view text) { return json::parse(text, nullptr, false); }

// The result is null where `parent` is no object or has no such member.
inline const json& member(const json& parent, std::string_view name) {
    static const json null;
    if (!parent.is_object()) return null;
    const auto found = parent.find(name);
    return found == parent.end() ? null : *found;
}

inline std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

inline std::int64_t integer_of(const json& value, std::int64_t otherwise = 0) {
    return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

inline std::uint64_t count_of(const json& value) {
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

// The strings of a list; what is none is left out.
inline std::vector<std::string> texts_of(const json& list) {
    std::vector<std::string> texts;
    if (!list.is_array()) return texts;
    for (const auto& value : list) {
        if (value.is_string()) texts.push_back(value.get<std::string>());
    }
    return texts;
}

// The error that an answer of JetStream holds, if it holds one.
inline std::optional<ApiError> error_of(const json& answer) {
    const json& error = member(answer, "error");
    if (error.is_null()) return std::nullopt;
    const auto code = integer_of(member(error, "err_code"), integer_of(member(error, "code"), -1));
    const auto reason = text_of(member(error, "description"));
    return ApiError{static_cast<int>(code), reason.empty() ? "no reason given" : reason};
}

}  // namespace bw
