#include <array>

#include "bw/config.hpp"
#include "nats_url.hpp"
#include "values.hpp"

namespace bw {
namespace {

constexpr std::array<Choice<Dither>, 3> kDithers{{{"riemersma", Dither::kRiemersma},
                                                  {"none", Dither::kNone},
                                                  {"floyd-steinberg", Dither::kFloydSteinberg}}};
constexpr std::array<Choice<log::Level>, 4> kLogLevels{{{"debug", log::Level::kDebug},
                                                        {"info", log::Level::kInfo},
                                                        {"warn", log::Level::kWarn},
                                                        {"error", log::Level::kError}}};
constexpr std::array<Choice<log::Format>, 2> kLogFormats{
    {{"text", log::Format::kText}, {"json", log::Format::kJson}}};
constexpr std::array<Choice<bool>, 8> kSwitch{{{"on", true},
                                               {"off", false},
                                               {"true", true},
                                               {"false", false},
                                               {"yes", true},
                                               {"no", false},
                                               {"1", true},
                                               {"0", false}}};

constexpr auto kDitherWords = words_of(kDithers);
constexpr auto kLogLevelWords = words_of(kLogLevels);
constexpr auto kLogFormatWords = words_of(kLogFormats);
constexpr std::array<std::string_view, 2> kSwitchWords{"on", "off"};
constexpr std::array<std::string_view, 2> kYesNoWords{"yes", "no"};
constexpr std::array<std::string_view, 1> kWorkersWords{"auto"};
constexpr std::array<std::string_view, 1> kOffWords{"off"};

// The types of settings.
constexpr ValueType kUrls{
    .format =
        "nats://[user:password@]host[:port], tls://…, a bare host, or several with commas; in a password "
        "@ is %40, a comma %2C"};
constexpr ValueType kOutputDirectory{.format = "a directory that takes files",
                                     .completion = Completion::kDirectories};
constexpr ValueType kDirectories{.format = "absolute directories without .., with colons between them",
                                 .completion = Completion::kDirectories};
constexpr ValueType kFile{.format = "a file", .completion = Completion::kFiles};
constexpr ValueType kSize{.format = "a number of bytes from 1 on, or a size such as 256MiB or 1GiB"};
constexpr ValueType kCount{.format = "a number such as 1000 or 50M, at most 1G"};
constexpr ValueType kDuration{.format = "a duration such as 500ms, 30s or 2m"};
constexpr ValueType kDurationOrZero{.format = "a duration such as 500ms, 30s or 2m, or 0"};
constexpr ValueType kName{.format = "a name without blanks, dots, wildcards or slashes"};
constexpr ValueType kNameOrOff{.format = "a name without blanks, dots, wildcards or slashes, or off",
                               .completion = Completion::kWords,
                               .words = kOffWords};
constexpr ValueType kWorkers{
    .format = "a number from 1 to 256, or auto", .completion = Completion::kWords, .words = kWorkersWords};
constexpr ValueType kFormats{.format = "names with commas, such as jpeg,png"};
constexpr ValueType kListenAddress{
    .format = "host:port such as 127.0.0.1:9464 or [::1]:9464, or :9464 for all addresses"};
constexpr ValueType kDither{
    .format = "riemersma, none or floyd-steinberg", .completion = Completion::kWords, .words = kDitherWords};
constexpr ValueType kOnOff{.format = "on or off", .completion = Completion::kWords, .words = kSwitchWords};
constexpr ValueType kYesNo{.format = "yes or no", .completion = Completion::kWords, .words = kYesNoWords};
constexpr ValueType kLogLevel{
    .format = "debug, info, warn or error", .completion = Completion::kWords, .words = kLogLevelWords};
constexpr ValueType kLogFormat{
    .format = "text or json", .completion = Completion::kWords, .words = kLogFormatWords};

using Text = std::string_view;

constexpr std::array kSettings{
    Setting{.variable = "NATS_URL",
            .flag = "--nats-url",
            .type = kUrls,
            .fallback = "nats://127.0.0.1:4222",
            .meaning = "the NATS server or servers; user:password@ or token@ before the host",
            .used_for = SettingsFor::kQueue,
            .secrecy = Secrecy::kSecret,
            .store =
                [](Config& config, Text text) {
                    auto [urls, user] = read_nats_servers(text);
                    config.nats_urls = std::move(urls);
                    config.nats_user = std::move(user);
                }},
    Setting{.variable = "OUTDIR",
            .flag = "--outdir",
            .type = kOutputDirectory,
            .meaning = "where results are written; only the worker needs it",
            .store = [](Config& config, Text text) { config.outdir = read_path(text); }},
    Setting{.variable = "BW_INPUT_ROOTS",
            .flag = "--input-roots",
            .type = kDirectories,
            .meaning = "the directories that images may lie in, with colons between them; not set: images "
                       "may lie anywhere",
            .store = [](Config& config, Text text) { config.input_roots = read_roots(text); }},
    Setting{.variable = "BW_MIN_FREE",
            .flag = "--min-free",
            .type = kSize,
            .fallback = "64MiB",
            .meaning = "with less room in OUTDIR no job is fetched",
            .store = [](Config& config, Text text) { config.min_free_bytes = read_size(text); }},
    Setting{
        .variable = "BW_OVERWRITE_SOURCE",
        .flag = "--overwrite-source",
        .type = kYesNo,
        .fallback = "no",
        .meaning = "yes: a result may replace the image that it is made from, where OUTDIR holds the image",
        .store = [](Config& config, Text text) { config.overwrite_source = read_choice(text, kSwitch); }},
    Setting{.variable = "BW_STREAM",
            .flag = "--stream",
            .type = kName,
            .fallback = "IMAGES",
            .meaning = "the stream; bw setup gives it the subjects NAME.>",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.stream = read_jetstream_name(text); }},
    Setting{.variable = "BW_CONSUMER",
            .flag = "--consumer",
            .type = kName,
            .fallback = "BW",
            .meaning = "the consumer",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.consumer = read_jetstream_name(text); }},
    Setting{.variable = "BW_RESULTS",
            .flag = "--results",
            .type = kNameOrOff,
            .meaning =
                "the stream of records, where every job leaves what became of it; not set: the stream's "
                "name and _RESULTS; off: there is none",
            .used_for = SettingsFor::kQueue,
            .store =
                [](Config& config, Text text) {
                    config.results = to_lower(text) == "off" ? "" : read_jetstream_name(text);
                }},
    Setting{
        .variable = "BW_JOB_TIMEOUT",
        .flag = "--job-timeout",
        .type = kDuration,
        .fallback = "30s",
        .meaning = "a job that takes longer has failed",
        .store = [](Config& config, Text text) { config.job_timeout = read_duration(text, Zero::kRefused); }},
    Setting{
        .variable = "BW_RETRY_DELAY",
        .flag = "--retry-delay",
        .type = kDurationOrZero,
        .fallback = "1s",
        .meaning =
            "the pause before a failed job is delivered again, doubled each time; 0: the consumer's ack wait",
        .store = [](Config& config, Text text) { config.retry_delay = read_duration(text, Zero::kAllowed); }},
    Setting{.variable = "BW_CONNECT_TIMEOUT",
            .flag = "--connect-timeout",
            .type = kDuration,
            .fallback = "30s",
            .meaning = "how long to try for a server at the start",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config,
                        Text text) { config.connect_timeout = read_duration(text, Zero::kRefused); }},
    Setting{
        .variable = "BW_STOP_GRACE",
        .flag = "--stop-grace",
        .type = kDuration,
        .fallback = "8s",
        .meaning = "after SIGTERM: how long the job in hand may still take",
        .store = [](Config& config, Text text) { config.stop_grace = read_duration(text, Zero::kRefused); }},
    Setting{.variable = "BW_WORKERS",
            .flag = "--workers",
            .type = kWorkers,
            .meaning = "how many worker processes this one starts; auto: one for each core; not set: this "
                       "process is the worker",
            .store = [](Config& config, Text text) { config.workers = read_workers(text); }},
    Setting{.variable = "BW_RETIRE_JOBS",
            .flag = "--retire-jobs",
            .type = kCount,
            .meaning = "a worker ends after so many jobs; its parent, or whoever runs it, starts another",
            .store = [](Config& config, Text text) { config.retire_jobs = read_count(text); }},
    Setting{.variable = "BW_RETIRE_MEMORY",
            .flag = "--retire-memory",
            .type = kSize,
            .meaning = "a worker ends after a job that leaves it with so much resident memory",
            .store = [](Config& config, Text text) { config.retire_bytes = read_size(text); }},
    Setting{.variable = "BW_DITHER",
            .flag = "--dither",
            .type = kDither,
            .fallback = "riemersma",
            .meaning = "how grey becomes black and white: riemersma, none or floyd-steinberg",
            .store = [](Config& config, Text text) { config.dither = read_choice(text, kDithers); }},
    Setting{.variable = "BW_FORMATS",
            .flag = "--formats",
            .type = kFormats,
            .fallback = "jpeg,png,gif,tiff,webp,bmp,pnm",
            .meaning = "the formats that are read and written; heic, avif, jp2 and qoi work too where "
                       "ImageMagick has them",
            .store = [](Config& config, Text text) { config.formats = read_words(text); }},
    Setting{.variable = "BW_MAX_PIXELS",
            .flag = "--max-pixels",
            .type = kCount,
            .fallback = "50M",
            .meaning = "a picture with more pixels, over all its frames, is refused",
            .store = [](Config& config, Text text) { config.max_pixels = read_count(text); }},
    Setting{.variable = "BW_MAX_FRAMES",
            .flag = "--max-frames",
            .type = kCount,
            .fallback = "1000",
            .meaning = "a picture with more frames or pages is refused",
            .store = [](Config& config, Text text) { config.max_frames = read_count(text); }},
    Setting{.variable = "BW_MAX_FILE_SIZE",
            .flag = "--max-file-size",
            .type = kSize,
            .fallback = "256MiB",
            .meaning = "a larger file is refused",
            .store = [](Config& config, Text text) { config.max_file_bytes = read_size(text); }},
    Setting{
        .variable = "BW_MAX_MEMORY",
        .flag = "--max-memory",
        .type = kSize,
        .fallback = "1GiB",
        .meaning = "the memory for pixels while ImageMagick has them; a picture that needs more is refused",
        .store = [](Config& config, Text text) { config.max_memory_bytes = read_size(text); }},
    Setting{.variable = "BW_SANDBOX",
            .flag = "--sandbox",
            .type = kOnOff,
            .fallback = "on",
            .meaning = "on: a worker can start no programs, open no other files and take no unbounded "
                       "memory, as far as the kernel can see to it",
            .store = [](Config& config, Text text) { config.sandbox = read_choice(text, kSwitch); }},
    Setting{.variable = "BW_METRICS",
            .flag = "--metrics",
            .type = kListenAddress,
            .meaning = "the address where the parent of BW_WORKERS serves /metrics, /healthz and /readyz; "
                       "not set: it serves none",
            .store = [](Config& config, Text text) { config.metrics_address = read_listen_address(text); }},
    Setting{.variable = "BW_LOG_LEVEL",
            .flag = "--log-level",
            .type = kLogLevel,
            .fallback = "info",
            .meaning = "the least that is logged: debug, info, warn or error",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.log_level = read_choice(text, kLogLevels); }},
    Setting{.variable = "BW_LOG_FORMAT",
            .flag = "--log-format",
            .type = kLogFormat,
            .fallback = "text",
            .meaning = "text for people, json for machines",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.log_format = read_choice(text, kLogFormats); }},
    Setting{.variable = "BW_CREDS",
            .flag = "--creds",
            .type = kFile,
            .meaning = "NATS credentials (a .creds file)",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.credentials_file = read_path(text); }},
    Setting{.variable = "BW_NKEY",
            .flag = "--nkey",
            .type = kFile,
            .meaning = "NATS nkey: the file with the seed",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.nkey_seed_file = read_path(text); }},
    Setting{.variable = "BW_TLS_CA",
            .flag = "--tls-ca",
            .type = kFile,
            .meaning = "TLS: certificates to trust (PEM); else the system's",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.tls_ca_file = read_path(text); }},
    Setting{.variable = "BW_TLS_CERT",
            .flag = "--tls-cert",
            .type = kFile,
            .meaning = "TLS: our certificate (PEM), with --tls-key",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.tls_certificate_file = read_path(text); }},
    Setting{.variable = "BW_TLS_KEY",
            .flag = "--tls-key",
            .type = kFile,
            .meaning = "TLS: our key (PEM), with --tls-cert",
            .used_for = SettingsFor::kQueue,
            .store = [](Config& config, Text text) { config.tls_key_file = read_path(text); }},
};

}  // namespace

std::span<const Setting> settings() { return kSettings; }

}  // namespace bw
