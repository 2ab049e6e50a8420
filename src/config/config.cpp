#include "bw/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "values.hpp"

namespace bw {
namespace {

constexpr std::string_view kOurPrefix = "BW_";

std::string given_value(const Setting& setting, const Environment& environment, const Flags& flags) {
    if (const auto flag = flags.find(setting.flag); flag != flags.end() && !flag->second.empty()) {
        return flag->second;
    }
    const auto value = environment(setting.variable);
    return value && !value->empty() ? *value : std::string(setting.fallback);
}

// A blank in a path may be part of its name; around everything else it is none.
std::string_view without_blanks(const Setting& setting, std::string_view value) {
    const Completion completion = setting.type.completion;
    const bool is_path = completion == Completion::kFiles || completion == Completion::kDirectories;
    return is_path ? value : trimmed(value);
}

std::string problem_with(const Setting& setting, const std::string& value, const Mistake& mistake) {
    const std::string shown = setting.secrecy == Secrecy::kSecret ? redact_url(value) : value;
    const std::string hint = mistake.hint.empty() ? "" : ": " + mistake.hint;
    return "invalid " + std::string(setting.variable) + " \"" + shown + "\"" + hint +
           " (format: " + std::string(setting.type.format) + ")";
}

using Problems = std::vector<std::string>;

void check_values(const Environment& environment, const Flags& flags, Config& config, Problems& problems) {
    for (const Setting& setting : settings()) {
        const std::string value = given_value(setting, environment, flags);
        if (value.empty()) continue;
        try {
            setting.store(config, without_blanks(setting, value));
        } catch (const Mistake& mistake) {
            problems.push_back(problem_with(setting, value, mistake));
        }
    }
}

// Settings that are right by themselves, and not together.
void check_pairs(SettingsFor use, const Config& config, Problems& problems) {
    if (use == SettingsFor::kWork && !config.metrics_address.empty() && !config.workers) {
        problems.emplace_back(
            "BW_METRICS is the parent's: BW_WORKERS is not set (format: a number from 1 to 256, or auto)");
    }
    if (config.tls_certificate_file.empty() != config.tls_key_file.empty()) {
        problems.emplace_back("BW_TLS_CERT and BW_TLS_KEY go together: one of them is not set");
    }
    if (!config.credentials_file.empty() && !config.nkey_seed_file.empty()) {
        problems.emplace_back("BW_CREDS and BW_NKEY exclude each other: both are set");
    }
}

}  // namespace

std::optional<std::string> process_environment(std::string_view variable) {
    const char* value = std::getenv(std::string(variable).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> process_variables() {
    std::vector<std::string> names;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view variable(*entry);
        names.emplace_back(variable.substr(0, variable.find('=')));
    }
    return names;
}

std::vector<std::string> unknown_settings(const std::vector<std::string>& variables) {
    std::vector<std::string_view> known;
    std::vector<std::string_view> stems;  // BW_ is in most of them, so it says nothing about what was meant
    for (const Setting& setting : settings()) {
        known.push_back(setting.variable);
        const bool ours = setting.variable.starts_with(kOurPrefix);
        stems.push_back(ours ? setting.variable.substr(kOurPrefix.size()) : setting.variable);
    }
    std::vector<std::string> warnings;
    for (const std::string& variable : variables) {
        if (!variable.starts_with(kOurPrefix) || std::ranges::count(known, variable) != 0) continue;
        const auto stem = nearest(std::string_view(variable).substr(kOurPrefix.size()), stems);
        std::string warning = variable + " is no setting";
        if (stem) {
            const auto at = static_cast<std::size_t>(std::ranges::find(stems, *stem) - stems.begin());
            warning += "; did you mean " + std::string(known[at]) + "?";
        }
        warnings.push_back(std::move(warning));
    }
    std::ranges::sort(warnings);
    return warnings;
}

std::string load_config(const Environment& environment, const Flags& flags, SettingsFor use, Config& config) {
    Problems problems;
    check_values(environment, flags, config, problems);
    const auto is_outdir = [](const std::string& one) { return one.starts_with("invalid OUTDIR"); };
    if (use == SettingsFor::kWork && config.outdir.empty() && std::ranges::none_of(problems, is_outdir)) {
        problems.emplace_back("OUTDIR is not set (format: a directory that takes files; or --outdir)");
    }
    check_pairs(use, config, problems);
    std::string all;
    for (const std::string& one : problems) all.append(all.empty() ? "" : "; ").append(one);
    return all;
}

std::uint64_t read_size_flag(std::string_view flag, const std::string& value, std::uint64_t least,
                             std::uint64_t most) {
    std::string hint;
    try {
        const auto size = read_size(trimmed(value));
        if (size >= least && size <= most) return size;
    } catch (const Mistake& mistake) {
        hint = mistake.hint.empty() ? "" : ": " + mistake.hint;
    }
    throw Error(ErrorKind::kConfiguration, std::string(flag),
                "invalid " + std::string(flag) + " \"" + value + "\"" + hint +
                    " (format: a size such as 4KiB, from " + std::to_string(least) + " to " +
                    std::to_string(most) + " bytes)");
}

std::chrono::milliseconds read_duration_flag(std::string_view flag, const std::string& value) {
    std::string hint;
    try {
        return read_age(trimmed(value));
    } catch (const Mistake& mistake) {
        hint = mistake.hint.empty() ? "" : ": " + mistake.hint;
    }
    throw Error(ErrorKind::kConfiguration, std::string(flag),
                "invalid " + std::string(flag) + " \"" + value + "\"" + hint +
                    " (format: a duration such as 90s, 30m, 2h, 1d or 2w)");
}

}  // namespace bw
