#include "bw/base/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace bw::log {
namespace {

std::string_view level_name(Level level) {
    switch (level) {
        case Level::kDebug:
            return "debug";
        case Level::kInfo:
            return "info";
        case Level::kWarn:
            return "warn";
        case Level::kError:
            return "error";
    }
    return "error";
}

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::kDebug:
            return spdlog::level::debug;
        case Level::kInfo:
            return spdlog::level::info;
        case Level::kWarn:
            return spdlog::level::warn;
        case Level::kError:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

// A stranger may write the text of an id or of a server's complaint. It is cut at the length that a path can
// have.
constexpr std::size_t kMostShown = 4096;

std::string shortened(std::string_view text) {
    if (text.size() <= kMostShown) return std::string(text);
    std::size_t end = kMostShown;
    while (end > kMostShown - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "... (" + std::to_string(text.size() - end) + " bytes more)";
}

std::string json_text(std::string_view text, bool ascii) {
    return nlohmann::json(text).dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

// Terminals and editors obey some characters that JSON does not escape: DEL, C1, and the invisible ones that
// break a line, or turn or hide the text behind them.
bool is_obeyed(char32_t c) {
    static constexpr std::array<std::pair<char32_t, char32_t>, 10> kRanges{{{0x7f, 0x9f},
                                                                            {0xad, 0xad},
                                                                            {0x61c, 0x61c},
                                                                            {0x180e, 0x180e},
                                                                            {0x200b, 0x200f},
                                                                            {0x2028, 0x202e},
                                                                            {0x2060, 0x206f},
                                                                            {0xfeff, 0xfeff},
                                                                            {0xfff9, 0xfffb},
                                                                            {0xe0000, 0x10ffff}}};
    return std::any_of(kRanges.begin(), kRanges.end(),
                       [c](const auto& range) { return range.first <= c && c <= range.second; });
}

// One character of valid UTF-8.
char32_t code_point(std::string_view character) {
    static constexpr std::array<unsigned, 5> kBitsOfFirst{0, 0x7f, 0x1f, 0x0f, 0x07};
    char32_t code = static_cast<unsigned char>(character[0]) & kBitsOfFirst[character.size()];
    for (const char next : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(next) & 0x3fU);
    return code;
}

// Letters of every language stand as they are. Bytes that are no UTF-8 (a file name may hold them) are
// U+FFFD.
std::string json_string(std::string_view text) { return printable_json(json_text(shortened(text), false)); }

bool stands_bare(std::string_view text) {
    return !text.empty() && text.size() <= kMostShown &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
           });
}

// Escapes each = so that in a text line one stands only behind the name of a field.
std::string without_equals(std::string_view json) {
    std::string text;
    for (const char c : json) c == '=' ? text += "\\u003d" : text += c;
    return text;
}

std::string text_value(const Field& field) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) return std::to_string(*number);
    const auto* none = std::get_if<NoNumber>(&field.value);
    const std::string text = none ? std::string(none->why) : std::get<std::string>(field.value);
    return stands_bare(text) ? text : without_equals(json_string(text));
}

std::string json_value(const Field& field) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) return std::to_string(*number);
    if (std::holds_alternative<NoNumber>(field.value)) return "null";
    return json_string(std::get<std::string>(field.value));
}

// https://no-color.org
bool takes_colour() {
    const auto value_of = [](const char* variable) {
        const char* value = std::getenv(variable);
        return std::string_view(value == nullptr ? "" : value);
    };
    const auto terminal = value_of("TERM");
    return ::isatty(STDERR_FILENO) == 1 && value_of("NO_COLOR").empty() && !terminal.empty() &&
           terminal != "dumb";
}

std::string_view colour(Level level) {
    switch (level) {
        case Level::kDebug:
            return "\x1b[2m";  // faint
        case Level::kInfo:
            return "\x1b[32m";
        case Level::kWarn:
            return "\x1b[33m";
        case Level::kError:
            return "\x1b[31m";
    }
    return "";
}

// A text line begins with its level.
std::string with_colour(Level level, std::string line) {
    line.insert(level_name(level).size(), "\x1b[0m");
    return line.insert(0, colour(level));
}

// spdlog's own sinks throw when they cannot write, or write elsewhere.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        if (cut_off_) line.push_back('\n');
        formatter_->format(message, line);
        const auto written = write_all({line.data(), line.size()});
        if (written > 0) cut_off_ = written < line.size();
    }
    void flush_() override {}

    // Returns how many bytes could be written.
    static std::size_t write_all(std::string_view text) {
        std::size_t written = 0;
        while (written < text.size()) {
            const ssize_t part = ::write(STDERR_FILENO, text.data() + written, text.size() - written);
            if (part < 0 && errno == EINTR) continue;
            if (part <= 0) break;
            written += static_cast<std::size_t>(part);
        }
        return written;
    }

    bool cut_off_ = false;  // a line lacks its end, which the next one makes up for
};

struct Logger {
    Logger() {
        spdlog_logger.set_pattern(text_pattern(), spdlog::pattern_time_type::utc);
        spdlog_logger.set_level(spdlog::level::info);
    }
    static std::string text_pattern() { return "%Y-%m-%dT%H:%M:%S.%eZ %v"; }
    static std::string json_pattern() { return R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"; }

    spdlog::logger spdlog_logger = spdlog::logger("bw", std::make_shared<StderrSink>());
    Format format = Format::kText;
    const bool coloured = takes_colour();
    Fields on_each_line;
    Level startup_level = Level::kInfo;
};

Logger& logger() {
    static Logger instance;
    return instance;
}

void write(Level level, std::string_view message, const Fields& fields) {
    Logger& log = logger();
    if (!log.spdlog_logger.should_log(spdlog_level(level))) return;
    Fields all = fields;
    all.insert(all.end(), log.on_each_line.begin(), log.on_each_line.end());
    std::string line = format_line(log.format, level, message, all);
    if (log.coloured && log.format == Format::kText) line = with_colour(level, std::move(line));
    log.spdlog_logger.log(spdlog_level(level), "{}", line);
}

}  // namespace

std::string printable_json(std::string_view json) {
    std::string printable;
    for (std::size_t at = 0, end = 0; at < json.size(); at = end) {
        end = at + 1;
        while (end < json.size() && (static_cast<unsigned char>(json[end]) & 0xc0) == 0x80) ++end;
        const std::string_view character = json.substr(at, end - at);
        if (!is_obeyed(code_point(character))) {
            printable += character;
        } else {
            const std::string escaped = json_text(character, true);
            printable.append(escaped, 1, escaped.size() - 2);
        }
    }
    return printable;
}

std::string printable(std::string_view text) {
    const std::string quoted = json_string(text);
    std::string line;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        if (quoted[i] == '\\' && (quoted[i + 1] == '"' || quoted[i + 1] == '\\')) ++i;
        line += quoted[i];
    }
    return line;
}

std::string format_line(Format format, Level level, std::string_view message, const Fields& fields) {
    std::string line;
    if (format == Format::kText) {
        line.append(level_name(level)).append(" ");
        line += without_equals(printable(message));  // blanks and quotes may stand in it
        for (const auto& field : fields)
            line.append(" ").append(field.name).append("=").append(text_value(field));
        return line;
    }
    line.append("\"level\":")
        .append(json_string(level_name(level)))
        .append(",\"msg\":")
        .append(json_string(message));
    for (const auto& field : fields) {
        line.append(",").append(json_string(field.name)).append(":").append(json_value(field));
    }
    return line;
}

void configure(Level level, Format format) {
    logger().format = format;
    logger().spdlog_logger.set_level(spdlog_level(level));
    const auto pattern = format == Format::kText ? Logger::text_pattern() : Logger::json_pattern();
    logger().spdlog_logger.set_pattern(pattern, spdlog::pattern_time_type::utc);
}

void set_startup_level(Level level) { logger().startup_level = level; }

void add_to_each_line(Fields fields) { logger().on_each_line = std::move(fields); }

void startup(std::string_view message, const Fields& fields) {
    write(logger().startup_level, message, fields);
}
void debug(std::string_view message, const Fields& fields) { write(Level::kDebug, message, fields); }
void info(std::string_view message, const Fields& fields) { write(Level::kInfo, message, fields); }
void warn(std::string_view message, const Fields& fields) { write(Level::kWarn, message, fields); }

void error(const Error& error, const Fields& fields) {
    Fields all{{"kind", name(error.kind())}, {"class", class_name(error.kind())}, {"where", error.where()}};
    all.insert(all.end(), fields.begin(), fields.end());
    write(Level::kError, error.what(), all);
}

}  // namespace bw::log
