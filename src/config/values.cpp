#include "values.hpp"

#include <charconv>
#include <optional>
#include <span>

namespace bw {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kBlanks = " \t\r\n";

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Another way to write a unit, in lower case: what was probably meant, and how many of those it is.
struct Misspelling {
    std::string_view lower;
    std::string_view unit;
    std::uint64_t times = 1;
};

// A type of numbers with units.
struct Measure {
    std::span<const Unit> units;
    std::span<const Misspelling> misspellings;
    std::uint64_t most;
    std::string_view most_text;
};

constexpr std::array kDurationUnits{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}};
constexpr std::array kDurationMisspellings{
    Misspelling{"", "s"},       Misspelling{"s", "s"},       Misspelling{"sec", "s"},
    Misspelling{"secs", "s"},   Misspelling{"second", "s"},  Misspelling{"seconds", "s"},
    Misspelling{"m", "m"},      Misspelling{"min", "m"},     Misspelling{"mins", "m"},
    Misspelling{"minute", "m"}, Misspelling{"minutes", "m"}, Misspelling{"h", "h"},
    Misspelling{"hr", "h"},     Misspelling{"hour", "h"},    Misspelling{"hours", "h"},
    Misspelling{"ms", "ms"},    Misspelling{"msec", "ms"},   Misspelling{"millis", "ms"},
    Misspelling{"d", "h", 24},  Misspelling{"day", "h", 24}, Misspelling{"days", "h", 24},
    Misspelling{"w", "h", 168}};
// Bounded so that sums of times never overflow, not in nanoseconds either.
constexpr Measure kDuration{kDurationUnits, kDurationMisspellings, 365ULL * 86'400'000, "at most 8760h"};

constexpr std::array kAgeUnits{Unit{"ms", 1},        Unit{"s", 1000},       Unit{"m", 60'000},
                               Unit{"h", 3'600'000}, Unit{"d", 86'400'000}, Unit{"w", 604'800'000}};
constexpr std::array kAgeMisspellings{
    Misspelling{"", "s"},         Misspelling{"sec", "s"},   Misspelling{"seconds", "s"},
    Misspelling{"min", "m"},      Misspelling{"mins", "m"},  Misspelling{"minutes", "m"},
    Misspelling{"hour", "h"},     Misspelling{"hours", "h"}, Misspelling{"day", "d"},
    Misspelling{"days", "d"},     Misspelling{"week", "w"},  Misspelling{"weeks", "w"},
    Misspelling{"month", "d", 30}};
constexpr Measure kAge{kAgeUnits, kAgeMisspellings, kDuration.most, "at most 365d"};

constexpr std::array kSizeUnits{Unit{"", 1}, Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20},
                                Unit{"GiB", 1 << 30}};
constexpr std::array kSizeMisspellings{
    Misspelling{"b", ""},           Misspelling{"bytes", ""},       Misspelling{"k", "KiB"},
    Misspelling{"kb", "KiB"},       Misspelling{"kib", "KiB"},      Misspelling{"m", "MiB"},
    Misspelling{"mb", "MiB"},       Misspelling{"mib", "MiB"},      Misspelling{"g", "GiB"},
    Misspelling{"gb", "GiB"},       Misspelling{"gib", "GiB"},      Misspelling{"t", "GiB", 1024},
    Misspelling{"tb", "GiB", 1024}, Misspelling{"tib", "GiB", 1024}};
// ImageMagick's own arithmetic is signed.
constexpr Measure kSize{kSizeUnits, kSizeMisspellings, std::uint64_t{1} << 50, "at most 1048576GiB"};

constexpr std::array kCountUnits{Unit{"", 1}, Unit{"k", 1000}, Unit{"M", 1'000'000},
                                 Unit{"G", 1'000'000'000}};
constexpr std::array kCountMisspellings{Misspelling{"k", "k"}, Misspelling{"m", "M"}, Misspelling{"g", "G"},
                                        Misspelling{"b", "G"}};
constexpr Measure kCount{kCountUnits, kCountMisspellings, 1'000'000'000, "at most 1G"};

std::string meant(const std::string& value) { return "did you mean " + value + "?"; }

// Says what somebody probably meant by a number whose unit bw does not know.
std::string unit_hint(std::uint64_t number, std::string_view unit, const Measure& measure) {
    const std::string lower = to_lower(trimmed(unit));
    const auto found = std::ranges::find(measure.misspellings, std::string_view(lower), &Misspelling::lower);
    if (number == 0 || found == measure.misspellings.end() || number > measure.most / found->times) return "";
    return meant(std::to_string(number * found->times) + std::string(found->unit));
}

std::uint64_t read_amount(std::string_view text, const Measure& measure) {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc::result_out_of_range) throw Mistake{std::string(measure.most_text)};
    if (failure != std::errc{}) throw Mistake{};
    const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto unit = std::ranges::find(measure.units, name, &Unit::name);
    if (unit == measure.units.end()) throw Mistake{unit_hint(number, name, measure)};
    if (number > measure.most / unit->factor) throw Mistake{std::string(measure.most_text)};
    return number * unit->factor;
}

std::uint64_t read_positive(std::string_view text, const Measure& measure) {
    const std::uint64_t amount = read_amount(text, measure);
    if (amount == 0) throw Mistake{};
    return amount;
}

std::optional<unsigned> read_whole_number(std::string_view text) {
    unsigned number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

void check_root(std::string_view root) {
    if (!root.starts_with('/')) throw Mistake{};
    // It would be taken by its words here, and through links where it is opened.
    if ((std::string(root) + "/").find("/../") != std::string::npos) throw Mistake{};
    const auto comma = root.find(',');
    if (comma != std::string_view::npos && trimmed(root.substr(comma + 1)).starts_with('/')) {
        throw Mistake{"a colon stands between two directories, not a comma"};
    }
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    text.remove_suffix(text.size() - (text.find_last_not_of(kBlanks) + 1));
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

milliseconds read_duration(std::string_view text, Zero zero) {
    if (zero == Zero::kAllowed && text == "0") return milliseconds(0);
    const std::uint64_t amount =
        zero == Zero::kAllowed ? read_amount(text, kDuration) : read_positive(text, kDuration);
    return milliseconds(amount);
}

milliseconds read_age(std::string_view text) {
    return milliseconds(text == "0" ? 0 : read_amount(text, kAge));
}

std::uint64_t read_size(std::string_view text) { return read_positive(text, kSize); }

std::uint64_t read_count(std::string_view text) { return read_positive(text, kCount); }

unsigned read_workers(std::string_view text) {
    static constexpr unsigned kMost = 256;
    if (to_lower(text) == "auto") return 0;
    const auto number = read_whole_number(text);
    if (!number || *number == 0 || *number > kMost) throw Mistake{};
    return *number;
}

std::string read_path(std::string_view text) {
    if (text.starts_with('~')) {
        throw Mistake{"the shell did not replace ~ by a home directory; write the whole path"};
    }
    if (trimmed(text) != text) throw Mistake{"a blank stands before or after the path"};
    return std::string(text);
}

std::vector<std::string> read_roots(std::string_view text) {
    std::vector<std::string> roots;
    for (const std::string_view root : split(text, ':')) {
        roots.push_back(read_path(root));
        check_root(root);
    }
    return roots;
}

std::vector<std::string> read_words(std::string_view text) {
    std::vector<std::string> words;
    for (const std::string_view word : split(text, ',')) {
        if (word.empty()) throw Mistake{};
        if (word.find_first_of(" ;:|") != std::string_view::npos) {
            throw Mistake{"a comma stands between two names"};
        }
        words.push_back(to_lower(word));
    }
    return words;
}

// https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/naming
std::string read_jetstream_name(std::string_view text) {
    const auto is_right = [](std::string_view name) {
        return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
            return c > ' ' && c < 0x7f &&
                   std::string_view(".*>/\\").find(static_cast<char>(c)) == std::string_view::npos;
        });
    };
    if (is_right(text)) return std::string(text);
    // The subjects of a stream in place of its name.
    const std::string_view stem = text.substr(0, text.find('.'));
    throw Mistake{text.ends_with(".>") && is_right(stem) ? meant(std::string(stem)) : ""};
}

bool is_port(std::string_view text, unsigned least) {
    const auto port = read_whole_number(text);
    return port && *port >= least && *port <= 65535;
}

bool is_host(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        return text.find_first_not_of("0123456789abcdefABCDEF:.%", 1) == text.size() - 1;
    }
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_';
    });
}

std::string read_listen_address(std::string_view text) {
    if (is_port(text, 0)) throw Mistake{meant(":" + std::string(text))};
    if (text.starts_with("*:") && is_port(text.substr(2), 0))
        throw Mistake{meant(std::string(text.substr(1)))};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1), 0)) throw Mistake{};
    if (colon != 0 && !is_host(text.substr(0, colon))) throw Mistake{};
    return std::string(text);
}

}  // namespace bw
