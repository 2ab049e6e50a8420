// Tells what characters a text holds, and which of several words somebody probably meant. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bw {

// Whether UTF-8 holds C0, DEL or C1 (U+0080 to U+009F): what no name of an output may hold.
bool has_control_character(std::string_view utf8);

// Replaces A to Z by a to z. Every other byte stays.
std::string to_lower(std::string_view text);

// The candidate that `word` was most likely meant to be, in whatever case: at most one letter in three (and
// three in all) is missing, too many, another, or has changed places with its neighbour. Of two that are as
// near the first is returned, and nothing where none is so near.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean WORD?" for the end of an error's text, or "" where no candidate is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace bw
