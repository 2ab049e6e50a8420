// How the values of settings are read: one function a type. Pure. Each throws Mistake for a value that is
// wrong.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/text.hpp"

namespace bw {

// What is wrong with a value, or what was probably meant ("did you mean 30s?"). Empty: nothing more is known
// than that the value does not have the format of its type.
struct Mistake {
    std::string hint;
};

// Returns the text without the blanks, tabs and line ends around it.
std::string_view trimmed(std::string_view text);

enum class Zero { kRefused, kAllowed };
std::chrono::milliseconds read_duration(std::string_view text, Zero zero);

// How long ago something was: 0, or a duration that may be of days and weeks too.
std::chrono::milliseconds read_age(std::string_view text);

std::uint64_t read_size(std::string_view text);   // in bytes
std::uint64_t read_count(std::string_view text);  // at most 1G: pixels are counted in 32 bits

// From 1 on; 0 for "auto".
unsigned read_workers(std::string_view text);

// A file or directory.
std::string read_path(std::string_view text);

// Absolute directories with colons between them.
std::vector<std::string> read_roots(std::string_view text);

// Words with commas between them, in lower case.
std::vector<std::string> read_words(std::string_view text);

// Of a stream or consumer.
std::string read_jetstream_name(std::string_view text);

// host:port, or :port. Port 0 is allowed: it means whichever is free.
std::string read_listen_address(std::string_view text);

// A host name, an IPv4 address, or an IPv6 address in brackets.
bool is_host(std::string_view text);

bool is_port(std::string_view text, unsigned least);

// The parts between separators, each trimmed.
std::vector<std::string_view> split(std::string_view text, char separator);

// A word and what it stands for.
template <typename Value>
struct Choice {
    std::string_view word;
    Value value;
};

template <typename Value, std::size_t N>
constexpr std::array<std::string_view, N> words_of(const std::array<Choice<Value>, N>& choices) {
    std::array<std::string_view, N> words{};
    for (std::size_t i = 0; i < N; ++i) words[i] = choices[i].word;
    return words;
}

// Takes a word in whatever case.
template <typename Value, std::size_t N>
Value read_choice(std::string_view text, const std::array<Choice<Value>, N>& choices) {
    const std::string lower = to_lower(text);
    const auto found = std::ranges::find(choices, std::string_view(lower), &Choice<Value>::word);
    if (found != choices.end()) return found->value;
    const auto words = words_of(choices);
    const auto meant = nearest(text, words);
    throw Mistake{meant ? "did you mean " + std::string(*meant) + "?" : ""};
}

}  // namespace bw
