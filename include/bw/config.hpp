// The settings of bw: one table, from which the flags, --help, the man pages and the completions come;
// docs/settings.md repeats it. Pure; any thread. A flag wins over the environment. An empty value counts as
// not set.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bw/base/log.hpp"
#include "bw/dither.hpp"

namespace bw {

// Who we are to the server, from the URL; all empty: nobody in particular.
struct NatsUser {
    std::string name{};
    std::string password{};
    std::string token{};  // instead of both

    bool operator==(const NatsUser&) const = default;
};

struct Config {
    std::vector<std::string> nats_urls;  // each with scheme, host and port, and no secrets
    NatsUser nats_user;
    std::string outdir;
    std::vector<std::string> input_roots;  // none: inputs may lie anywhere
    std::uint64_t min_free_bytes = 0;
    bool overwrite_source = false;  // a result may replace the image that it is made from
    std::string stream;
    std::string consumer;
    std::optional<std::string> results;  // the stream of records; not set: named after the stream; empty: off
    std::chrono::milliseconds job_timeout{};
    std::chrono::milliseconds retry_delay{};  // 0: a failed job waits for the consumer's ack wait
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds stop_grace{};
    std::optional<unsigned> workers;  // processes, 0: one a core; not set: this process is the worker
    std::uint64_t retire_jobs = 0;    // 0: never
    std::uint64_t retire_bytes = 0;   // resident; 0: never
    std::string credentials_file;
    std::string nkey_seed_file;
    std::string tls_ca_file;
    std::string tls_certificate_file;
    std::string tls_key_file;
    Dither dither = Dither::kRiemersma;
    std::vector<std::string> formats;  // whether they exist is for the image room to say
    std::uint64_t max_pixels = 0;
    std::uint64_t max_frames = 0;
    std::uint64_t max_file_bytes = 0;
    std::uint64_t max_memory_bytes = 0;
    bool sandbox = true;
    std::string metrics_address;  // host:port or :port; empty: no page
    log::Level log_level = log::Level::kInfo;
    log::Format log_format = log::Format::kText;
};

// What the settings are read for. Who works does all that who only looks at the queue, or makes it, does.
enum class SettingsFor { kNothing, kQueue, kWork };

// What a shell can complete in the place of a value.
enum class Completion { kNothing, kWords, kFiles, kDirectories };

struct ValueType {
    std::string_view format;  // what a right value looks like
    Completion completion = Completion::kNothing;
    std::span<const std::string_view> words{};  // for kWords
};

enum class Secrecy { kOpen, kSecret };  // the value of a secret is never shown

struct Setting {
    std::string_view variable;  // in the environment
    std::string_view flag;
    const ValueType& type;
    std::string_view fallback{};  // empty: none
    std::string_view meaning;
    SettingsFor used_for = SettingsFor::kWork;  // kQueue: by every command that connects
    Secrecy secrecy = Secrecy::kOpen;
    // Reads a value that is not empty, and stores it. Throws what src/config/values.hpp says for a wrong one.
    void (*store)(Config& config, std::string_view value);
};

std::span<const Setting> settings();

// Looks a variable up.
using Environment = std::function<std::optional<std::string>(std::string_view variable)>;
std::optional<std::string> process_environment(std::string_view variable);
std::vector<std::string> process_variables();  // the names of all of them
// Values by flag ("--outdir"), as given on the command line.
using Flags = std::map<std::string, std::string, std::less<>>;

// Fills `config`. Returns what is wrong, in one line that names every wrong or missing setting, or nothing;
// what is right is stored all the same, so that the line can be logged as asked.
std::string load_config(const Environment& environment, const Flags& flags, SettingsFor use, Config& config);

// A warning for each name that starts with BW_ and is no setting: nothing reads it. It names the setting that
// was probably meant.
std::vector<std::string> unknown_settings(const std::vector<std::string>& variables);

// The value of a command's own flag, in bytes, written as in settings: "4KiB". Throws Error (kConfiguration).
std::uint64_t read_size_flag(std::string_view flag, const std::string& value, std::uint64_t least,
                             std::uint64_t most);

// The same of a duration: "90s", "2h".
std::chrono::milliseconds read_duration_flag(std::string_view flag, const std::string& value);

// The URL with what stands before the @ replaced by ***, for logs.
std::string redact_url(std::string_view url);

}  // namespace bw
