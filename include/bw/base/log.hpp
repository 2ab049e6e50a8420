// Log lines on standard error, as text for people or JSON for machines:
//   2026-11-22T10:02:32.123Z info job done id=5e91425f seq=17
//   {"time":"2026-11-22T10:02:32.123Z","level":"info","msg":"job done","id":"5e91425f","seq":17}
// Any thread may write; a line is written whole. A line that cannot be written (nobody reads the pipe any
// more, the disk is full) is lost, and nothing else happens, where SIGPIPE is ignored. No job can forge a
// line or a field, move the cursor or hide text: control characters and invisible ones are escaped as JSON
// does it, in text lines = too, so that one always follows a field's name. Of a message or value over 4096
// bytes the rest is cut, and its length said. The level of a text line is coloured where standard error is a
// terminal, unless NO_COLOR is set or TERM says that it takes none. docs/logs.md lists every message and
// field; a field has one type in JSON. Only error() writes at level error, and no other words of ours hold
// that one: an operator may grep for it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bw/base/error.hpp"

namespace bw::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

// Stands for a number that there is not: a text line says why, and JSON has null.
struct NoNumber {
    std::string_view why;  // a literal
};
using Value = std::variant<std::int64_t, std::string, NoNumber>;

struct Field {
    template <std::integral Integer>
    Field(std::string_view field_name, Integer number)
        : name(field_name), value(static_cast<std::int64_t>(number)) {}
    Field(std::string_view field_name, std::string_view text) : name(field_name), value(std::string(text)) {}
    template <std::same_as<Value> Any>
    Field(std::string_view field_name, Any any) : name(field_name), value(std::move(any)) {}

    std::string_view name;  // a literal
    Value value;
};
using Fields = std::vector<Field>;

// Lines under `level` are dropped. Before the first call: info, text.
void configure(Level level, Format format);

// The level of startup() lines from now on; info before the first call.
void set_startup_level(Level level);

// Fields that stand last on every line from now on. Before other threads log.
void add_to_each_line(Fields fields);

// Logs at the level of set_startup_level(): a worker says its start with it. A parent whose workers end with
// each job that fails would otherwise fill its log with their starts.
void startup(std::string_view message, const Fields& fields = {});

void debug(std::string_view message, const Fields& fields = {});
void info(std::string_view message, const Fields& fields = {});
void warn(std::string_view message, const Fields& fields = {});

// The one line of a failure: what, kind=, class=, where=, then `fields`.
void error(const Error& error, const Fields& fields = {});

// What others than we wrote, on one line that a terminal only shows: control characters and invisible ones
// are escaped as in log lines, and it is cut like a value. Blanks, quotes and = stand as they are.
std::string printable(std::string_view text);

// The same for JSON, which stays the same to whoever reads it, and is not cut.
std::string printable_json(std::string_view json);

// One line without its time, as written to standard error. For tests.
std::string format_line(Format format, Level level, std::string_view message, const Fields& fields);

}  // namespace bw::log
