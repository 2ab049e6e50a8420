#include "bw/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <utility>

#include "bw/base/uri.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDurationFormat = "a duration such as 500ms, 30s or 2m";

constexpr std::string_view kSizeFormat = "a number of bytes from 1 on, or a size such as 256MiB or 1GiB";
constexpr std::string_view kCountFormat = "a number such as 1000 or 50M, at most 1G";

bool store_duration(milliseconds& target, std::string_view text, bool zero_allowed) {
    static constexpr std::array<std::pair<std::string_view, int>, 4> kUnits{
        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
    // Bounded so that sums of times never overflow.
    static constexpr int kMaxDays = 365;
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || number < 0) return false;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (number == 0 && unit.empty()) {
        target = milliseconds(0);
        return zero_allowed;
    }
    const auto* found =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& known) { return known.first == unit; });
    if (found == kUnits.end() || number > kMaxDays * 86'400'000LL / found->second) return false;
    target = milliseconds(number * found->second);
    return number > 0 || zero_allowed;
}

template <milliseconds Config::*Target>
bool duration(Config& config, std::string_view text) {
    return store_duration(config.*Target, text, false);
}

template <milliseconds Config::*Target>
bool duration_or_zero(Config& config, std::string_view text) {
    return store_duration(config.*Target, text, true);
}

using Units = std::array<std::pair<std::string_view, std::uint64_t>, 4>;

bool store_amount(std::uint64_t& target, std::string_view text, const Units& units, std::uint64_t most) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), target);
    if (failure != std::errc{} || target == 0) return false;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto* found =
        std::find_if(units.begin(), units.end(), [&](const auto& known) { return known.first == unit; });
    if (found == units.end() || target > most / found->second) return false;
    target *= found->second;
    return true;
}

template <std::uint64_t Config::*Target>
bool size(Config& config, std::string_view text) {
    // ImageMagick's own arithmetic is signed.
    static constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
    return store_amount(config.*Target, text,
                        {{{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}}, kMost);
}

template <std::uint64_t Config::*Target>
bool count(Config& config, std::string_view text) {
    // Pixels are counted in 32 bits.
    static constexpr std::uint64_t kMost = 1'000'000'000;
    return store_amount(config.*Target, text,
                        {{{"", 1}, {"k", 1000}, {"M", 1'000'000}, {"G", 1'000'000'000}}}, kMost);
}

bool workers(Config& config, std::string_view text) {
    static constexpr unsigned kMost = 256;
    unsigned number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    config.workers = number;
    if (text == "auto") return true;
    return failure == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= kMost;
}

template <std::string Config::*Target>
bool any_text(Config& config, std::string_view text) {
    config.*Target = text;
    return true;
}

// https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/naming: no blanks, dots, wildcards,
// slashes.
template <std::string Config::*Target>
bool jetstream_name(Config& config, std::string_view text) {
    const bool good = std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return c > ' ' && c < 0x7f &&
               std::string_view(".*>/\\").find(static_cast<char>(c)) == std::string_view::npos;
    });
    config.*Target = text;
    return good;
}

bool valid_port(std::string_view text, unsigned least) {
    unsigned port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failure == std::errc{} && end == text.data() + text.size() && port >= least && port <= 65535;
}

// A host name, an IPv4 address, or an IPv6 address in brackets.
bool valid_host(std::string_view host) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        return host.find_first_not_of("0123456789abcdefABCDEF:.%", 1) == host.size() - 1;
    }
    return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_';
    });
}

// user:password, or a token; percent-encoded, which libnats would not decode.
std::optional<NatsUser> read_user(std::string_view userinfo) {
    const auto colon = userinfo.find(':');
    const auto first = percent_decode(userinfo.substr(0, colon));
    if (!first || first->empty()) return std::nullopt;
    if (colon == std::string_view::npos) return NatsUser{"", "", *first};
    const auto password = percent_decode(userinfo.substr(colon + 1));
    if (!password) return std::nullopt;
    return NatsUser{*first, *password, ""};
}

// Adds [scheme://][user@]host[:port]. libnats takes nonsense such as "ht!tp://" without a word, so URLs are
// checked here. Whoever the URL says we are, we are to all the servers.
bool add_url(Config& config, std::string_view url) {
    std::string complete = "nats://";
    if (const auto mark = url.find("://"); mark != std::string_view::npos) {
        complete = url.substr(0, mark + 3);
        url.remove_prefix(mark + 3);
        if (complete != "nats://" && complete != "tls://") return false;
    }
    if (const auto at = url.rfind('@'); at != std::string_view::npos) {
        // In the first URL or in all: else the tail of a password with a comma in it would pass for a URL.
        const auto user = read_user(url.substr(0, at));
        if (!user || (!config.nats_urls.empty() && config.nats_user != *user)) return false;
        config.nats_user = *user;
        url.remove_prefix(at + 1);
    }
    if (url.ends_with('/')) url.remove_suffix(1);
    std::string_view port = "4222";
    if (const auto colon = url.rfind(':'); colon != std::string_view::npos && url.back() != ']') {
        port = url.substr(colon + 1);
        url = url.substr(0, colon);
    }
    config.nats_urls.push_back(complete.append(url).append(":").append(port));
    return valid_host(url) && valid_port(port, 1);
}

// Port 0: whichever is free.
bool metrics_address(Config& config, std::string_view text) {
    config.metrics_address = text;
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !valid_port(text.substr(colon + 1), 0)) return false;
    return colon == 0 || valid_host(text.substr(0, colon));
}

// Hands each part between separators, without blanks around it, to add(config, part), until one is refused.
template <typename Add>
bool each_of_list(Config& config, std::string_view text, Add add, char separator = ',') {
    while (true) {
        const auto end = text.find(separator);
        std::string_view one = text.substr(0, end);
        one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
        one.remove_suffix(one.size() - (one.find_last_not_of(' ') + 1));
        if (!add(config, one)) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

bool urls(Config& config, std::string_view text) { return each_of_list(config, text, add_url); }

bool formats(Config& config, std::string_view text) {
    return each_of_list(config, text, [](Config& into, std::string_view name) {
        into.formats.emplace_back(name);
        return !name.empty();
    });
}

// A root's ".." would be taken by its words here, and through links where it is opened.
bool input_roots(Config& config, std::string_view text) {
    const auto add = [](Config& into, std::string_view root) {
        into.input_roots.emplace_back(root);
        return root.starts_with('/') && (std::string(root) + "/").find("/../") == std::string::npos;
    };
    return each_of_list(config, text, add, ':');
}

template <typename Value, std::size_t N>
bool choose(Value& target, std::string_view text,
            const std::array<std::pair<std::string_view, Value>, N>& choices) {
    const auto* found =
        std::find_if(choices.begin(), choices.end(), [&](const auto& one) { return one.first == text; });
    if (found == choices.end()) return false;
    target = found->second;
    return true;
}

bool dither(Config& config, std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Dither>, 3> kDithers{
        {{"riemersma", Dither::kRiemersma},
         {"none", Dither::kNone},
         {"floyd-steinberg", Dither::kFloydSteinberg}}};
    return choose(config.dither, text, kDithers);
}

bool sandbox(Config& config, std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, bool>, 2> kStates{{{"on", true}, {"off", false}}};
    return choose(config.sandbox, text, kStates);
}

bool log_level(Config& config, std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, log::Level>, 4> kLevels{
        {{"debug", log::Level::kDebug},
         {"info", log::Level::kInfo},
         {"warn", log::Level::kWarn},
         {"error", log::Level::kError}}};
    return choose(config.log_level, text, kLevels);
}

bool log_format(Config& config, std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, log::Format>, 2> kFormats{
        {{"text", log::Format::kText}, {"json", log::Format::kJson}}};
    return choose(config.log_format, text, kFormats);
}

constexpr bool kSecret = true;
constexpr bool kOpen = false;

constexpr std::array kSettings{
    Setting{"NATS_URL", "--nats-url", "nats://127.0.0.1:4222",
            "nats://[user:password@]host[:port], tls://…, a bare host, or several with commas; in a password "
            "@ is %40, a comma %2C",
            "the NATS server or servers; user:password@ or token@ before the host", kSecret, urls},
    Setting{"OUTDIR", "--outdir", "", "a directory that takes files",
            "where results are written; only the worker needs it", kOpen, any_text<&Config::outdir>},
    Setting{"BW_INPUT_ROOTS", "--input-roots", "",
            "absolute directories without .., with colons between them",
            "directories that images may lie in, with colons between them; not set: anywhere", kOpen,
            input_roots},
    Setting{"BW_MIN_FREE", "--min-free", "64MiB", kSizeFormat, "with less room in OUTDIR no job is fetched",
            kOpen, size<&Config::min_free_bytes>},
    Setting{"BW_STREAM", "--stream", "IMAGES", "a name without blanks, dots, wildcards or slashes",
            "the stream; bw setup gives it the subjects NAME.>", kOpen, jetstream_name<&Config::stream>},
    Setting{"BW_CONSUMER", "--consumer", "BW", "a name without blanks, dots, wildcards or slashes",
            "the consumer", kOpen, jetstream_name<&Config::consumer>},
    Setting{"BW_JOB_TIMEOUT", "--job-timeout", "30s", kDurationFormat, "a job that takes longer has failed",
            kOpen, duration<&Config::job_timeout>},
    Setting{"BW_RETRY_DELAY", "--retry-delay", "1s", "a duration such as 500ms, 30s or 2m, or 0",
            "pause before a failed job is delivered again, doubled each time; 0: the consumer's ack wait",
            kOpen, duration_or_zero<&Config::retry_delay>},
    Setting{"BW_CONNECT_TIMEOUT", "--connect-timeout", "30s", kDurationFormat,
            "how long to try for a server at the start", kOpen, duration<&Config::connect_timeout>},
    Setting{"BW_STOP_GRACE", "--stop-grace", "8s", kDurationFormat,
            "after SIGTERM: how long the job in hand may still take", kOpen, duration<&Config::stop_grace>},
    Setting{"BW_WORKERS", "--workers", "", "a number from 1 to 256, or auto",
            "so many worker processes under this one, auto: one a core; not set: this is the only one", kOpen,
            workers},
    Setting{"BW_RETIRE_JOBS", "--retire-jobs", "", kCountFormat,
            "a worker ends after so many jobs; its parent, or whoever runs it, starts another", kOpen,
            count<&Config::retire_jobs>},
    Setting{"BW_RETIRE_MEMORY", "--retire-memory", "", kSizeFormat,
            "the same after a job that leaves it with so much resident memory", kOpen,
            size<&Config::retire_bytes>},
    Setting{"BW_DITHER", "--dither", "riemersma", "riemersma, none or floyd-steinberg",
            "how grey becomes black and white: riemersma, none or floyd-steinberg", kOpen, dither},
    Setting{
        "BW_FORMATS", "--formats", "jpeg,png,gif,tiff,webp,bmp,pnm", "names with commas, such as jpeg,png",
        "what is read and written; heic, avif, jp2 and qoi too where ImageMagick has them", kOpen, formats},
    Setting{"BW_MAX_PIXELS", "--max-pixels", "50M", kCountFormat,
            "a picture with more, over all its frames, is refused", kOpen, count<&Config::max_pixels>},
    Setting{"BW_MAX_FRAMES", "--max-frames", "1000", kCountFormat,
            "a picture with more frames or pages is refused", kOpen, count<&Config::max_frames>},
    Setting{"BW_MAX_FILE_SIZE", "--max-file-size", "256MiB", kSizeFormat, "a larger file is refused", kOpen,
            size<&Config::max_file_bytes>},
    Setting{"BW_MAX_MEMORY", "--max-memory", "1GiB", kSizeFormat,
            "memory for pixels while ImageMagick has them; a picture that needs more is refused", kOpen,
            size<&Config::max_memory_bytes>},
    Setting{"BW_SANDBOX", "--sandbox", "on", "on or off",
            "on: no new programs, no files elsewhere, bounded memory, as far as the kernel can", kOpen,
            sandbox},
    Setting{"BW_METRICS", "--metrics", "",
            "host:port such as 127.0.0.1:9464 or [::1]:9464, or :9464 for all addresses",
            "where the parent of BW_WORKERS serves /metrics, /healthz and /readyz; not set: nowhere", kOpen,
            metrics_address},
    Setting{"BW_LOG_LEVEL", "--log-level", "info", "debug, info, warn or error",
            "the least that is logged: debug, info, warn or error", kOpen, log_level},
    Setting{"BW_LOG_FORMAT", "--log-format", "text", "text or json", "text for people, json for machines",
            kOpen, log_format},
    Setting{"BW_CREDS", "--creds", "", "a file", "NATS credentials (a .creds file)", kOpen,
            any_text<&Config::credentials_file>},
    Setting{"BW_NKEY", "--nkey", "", "a file", "NATS nkey: the file with the seed", kOpen,
            any_text<&Config::nkey_seed_file>},
    Setting{"BW_TLS_CA", "--tls-ca", "", "a file", "TLS: certificates to trust (PEM); else the system's",
            kOpen, any_text<&Config::tls_ca_file>},
    Setting{"BW_TLS_CERT", "--tls-cert", "", "a file", "TLS: our certificate (PEM), with --tls-key", kOpen,
            any_text<&Config::tls_certificate_file>},
    Setting{"BW_TLS_KEY", "--tls-key", "", "a file", "TLS: our key (PEM), with --tls-cert", kOpen,
            any_text<&Config::tls_key_file>},
};

std::optional<std::string> given_value(const Setting& setting, const Environment& environment,
                                       const Flags& flags) {
    if (const auto flag = flags.find(setting.flag); flag != flags.end() && !flag->second.empty()) {
        return flag->second;
    }
    return environment(setting.variable);
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

std::optional<std::string> process_environment(std::string_view variable) {
    const char* value = std::getenv(std::string(variable).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string redact_url(std::string_view url) {
    std::string redacted(url);
    const auto at = redacted.rfind('@');
    if (at == std::string::npos) return redacted;
    const auto mark = redacted.find("://");
    const auto start = mark == std::string::npos || mark > at ? 0 : mark + 3;
    return redacted.replace(start, at - start, "***");
}

std::string load_config(const Environment& environment, const Flags& flags, SettingsFor use, Config& config) {
    std::string complaints;
    const auto complain = [&](const std::string& one) {
        complaints.append(complaints.empty() ? "" : "; ").append(one);
    };
    for (const Setting& setting : kSettings) {
        auto value = given_value(setting, environment, flags);
        if (!value || value->empty()) value = setting.fallback;
        if (value->empty() || setting.store(config, *value)) continue;
        const std::string shown = setting.secret ? redact_url(*value) : *value;
        complain("invalid " + std::string(setting.variable) + " \"" + shown +
                 "\" (format: " + std::string(setting.format) + ")");
    }
    if (use == SettingsFor::kWork && config.outdir.empty()) {
        complain("OUTDIR is not set (format: a directory that takes files; or --outdir)");
    }
    if (use == SettingsFor::kWork && !config.metrics_address.empty() && !config.workers) {
        complain(
            "BW_METRICS is the parent's: BW_WORKERS is not set (format: a number from 1 to 256, or auto)");
    }
    if (config.tls_certificate_file.empty() != config.tls_key_file.empty()) {
        complain("BW_TLS_CERT and BW_TLS_KEY go together: one of them is not set");
    }
    if (!config.credentials_file.empty() && !config.nkey_seed_file.empty()) {
        complain("BW_CREDS and BW_NKEY exclude each other: both are set");
    }
    return complaints;
}

}  // namespace bw
