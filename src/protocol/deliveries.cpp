// What goes between a worker and its consumer: pulls, acknowledgements, and what their subjects tell.
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

#include "bw/protocol.hpp"
#include "members.hpp"

namespace bw {
namespace {

template <typename Number>
bool read_number(std::string_view text, Number& number) {
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end;
}

std::vector<std::string_view> tokens_of(std::string_view subject) {
    std::vector<std::string_view> tokens;
    for (auto dot = subject.find('.'); dot != subject.npos; dot = subject.find('.')) {
        tokens.push_back(subject.substr(0, dot));
        subject.remove_prefix(dot + 1);
    }
    tokens.push_back(subject);
    return tokens;
}

// Takes `size` digits and, if there is a `mark`, the character after them off the front of the text.
bool take(std::string_view& text, std::size_t size, char mark, int& number) {
    if (text.size() < size || !read_number(text.substr(0, size), number) || number < 0) return false;
    text.remove_prefix(size);
    if (mark == '\0') return true;
    if (!text.starts_with(mark)) return false;
    text.remove_prefix(1);
    return true;
}

// ".123456789" as nanoseconds.
bool take_fraction(std::string_view& text, std::chrono::nanoseconds& fraction) {
    if (!text.starts_with('.')) return true;
    std::int64_t value = 0;
    std::size_t digits = 1;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 10; ++digits) {
        value = value * 10 + (text[digits] - '0');
    }
    if (digits == 1) return false;
    for (auto missing = digits; missing < 10; ++missing) value *= 10;
    fraction = std::chrono::nanoseconds(value);
    text.remove_prefix(digits);
    return true;
}

// "Z", "+01:00"
bool take_offset(std::string_view text, std::chrono::minutes& offset) {
    if (text == "Z") return true;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (!take(text, 2, ':', hours) || !take(text, 2, '\0', minutes) || !text.empty()) return false;
    offset = sign * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
    return true;
}

}  // namespace

std::optional<ServerTime> read_time(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::chrono::nanoseconds fraction{};
    std::chrono::minutes offset{};
    if (!take(text, 4, '-', year) || !take(text, 2, '-', month) || !take(text, 2, 'T', day) ||
        !take(text, 2, ':', hour) || !take(text, 2, ':', minute) || !take(text, 2, '\0', second) ||
        !take_fraction(text, fraction) || !take_offset(text, offset)) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                           std::chrono::day(unsigned(day))};
    // Nanoseconds since 1970 in 64 bits end in 2262.
    if (!date.ok() || year < 1970 || year > 2261) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second) + fraction - offset;
}

std::string write_time(ServerTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09lldZ", int(date.year()),
                  unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                  int(clock.minutes().count()), int(clock.seconds().count()),
                  static_cast<long long>(clock.subseconds().count()));
    return text.data();
}

//   $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>
// or with <domain>.<account> before the stream, and one token more at the end (nats-server's ADR-15).
std::optional<AcknowledgementSubject> read_acknowledgement_subject(std::string_view subject) {
    constexpr std::size_t kShort = 9;
    constexpr std::size_t kInserted = 2;
    const auto tokens = tokens_of(subject);
    if (tokens.size() < kShort || tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
    const std::size_t inserted = tokens.size() > kShort ? kInserted : 0;
    if (tokens.size() < kShort + inserted) return std::nullopt;
    AcknowledgementSubject read;
    std::int64_t stored = 0;
    if (!read_number(tokens[4 + inserted], read.deliveries) ||
        !read_number(tokens[5 + inserted], read.sequence) || !read_number(tokens[7 + inserted], stored)) {
        return std::nullopt;
    }
    read.stored = ServerTime(std::chrono::nanoseconds(stored));
    return read;
}

std::string pull_request() {
    return json{{"batch", 1}, {"expires", std::chrono::nanoseconds(kPullExpiry).count()}}.dump();
}

std::string negative_acknowledgement(std::chrono::milliseconds delay) {
    if (delay <= std::chrono::milliseconds(0)) return "-NAK";
    constexpr auto kLongest = std::numeric_limits<std::int64_t>::max();
    const bool fits = delay.count() <= kLongest / 1'000'000;
    const std::int64_t nanoseconds = fits ? delay.count() * 1'000'000 : kLongest;
    return "-NAK " + json{{"delay", nanoseconds}}.dump();
}

std::string subject_counts_request() { return json{{"subjects_filter", ">"}}.dump(); }

std::string stream_names_request(std::string_view pattern) { return json{{"subject", pattern}}.dump(); }

}  // namespace bw
