#include "man_page.hpp"

#include "bw/base/exit_codes.hpp"

namespace bw::cli {
namespace {

// Text that roff prints as it is: no escapes, and hyphens that can be copied.
std::string escaped(std::string_view text) {
    std::string roff;
    for (const char c : text) {
        if (c == '\\') {
            roff += "\\e";
        } else if (c == '-') {
            roff += "\\-";
        } else if ((c == '.' || c == '\'') && (roff.empty() || roff.back() == '\n')) {
            roff += std::string("\\&") + c;  // else a request, at the start of a line
        } else {
            roff += c;
        }
    }
    return roff;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }
std::string section(std::string_view title) { return ".SH " + std::string(title) + "\n"; }

// A paragraph with a tag, which is roff already.
std::string tagged(const std::string& tag, std::string_view text) {
    return ".TP\n" + tag + "\n" + escaped(text) + "\n";
}

std::string header(const std::string& name, std::string_view help) {
    std::string upper;
    for (const char c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return ".TH " + escaped(upper) + " 1 \"\" \"bw " BW_VERSION "\" \"User Commands\"\n" + section("NAME") +
           escaped(name) + " \\- " + escaped(help) + "\n";
}

std::string flags_of(const Command& command) {
    std::string text;
    for (const CommandFlag& flag : command.flags) {
        const std::string value = flag.value.empty() ? "" : " " + italic(flag.value);
        text += tagged(bold(flag.name) + value, flag.meaning);
    }
    return text + tagged(bold("-h") + ", " + bold("--help"), "Print a help text and exit");
}

std::string settings_of(SettingsFor use) {
    std::string text;
    for (const Setting& setting : settings()) {
        if (setting.used_for > use) continue;
        std::string meaning =
            std::string(setting.meaning) + ". Value: " + std::string(setting.type.format) + ".";
        if (!setting.fallback.empty()) meaning += " Default: " + std::string(setting.fallback) + ".";
        text += tagged(bold(setting.flag) + " " + italic("VALUE") + ", " + bold(setting.variable), meaning);
    }
    if (text.empty()) return text;
    return section("SETTINGS") +
           escaped(
               "Each setting is a flag and an environment variable; the flag wins. An empty value counts "
               "as not set.") +
           "\n" + text;
}

std::string exit_status() {
    std::string text = section("EXIT STATUS");
    for (const ExitCode& one : exit_codes()) text += tagged(bold(std::to_string(one.code)), one.meaning);
    return text;
}

std::string page_name(const Command& command) { return "bw-" + std::string(command.name); }

// The pages but the one that is named.
std::string see_also(const std::string& page) {
    std::string text = section("SEE ALSO");
    std::string_view end;
    const auto add = [&](const std::string& name) {
        if (name == page) return;
        text += std::string(end) + ".BR " + escaped(name) + " (1)";
        end = ",\n";
    };
    add("bw");
    for (const Command* command : commands()) add(page_name(*command));
    return text + "\n";
}

}  // namespace

std::string man_page() {
    std::string text = header("bw", "black and white images from a NATS JetStream work queue") +
                       section("SYNOPSIS") + bold("bw") + " [" + italic("COMMAND") + "] [" + italic("FLAGS") +
                       "]\n" + section("DESCRIPTION") +
                       escaped(
                           "bw pulls jobs from the consumer of a JetStream stream. A job names a picture; "
                           "bw converts it to black and white, writes the result to OUTDIR, publishes an "
                           "advisory, and acknowledges the job.") +
                       "\n" + section("COMMANDS");
    for (const Command* command : commands()) text += tagged(bold(command->name), command->help);
    return text + settings_of(SettingsFor::kWork) + exit_status() + see_also("bw");
}

std::string man_page(const Command& command) {
    const std::string name = page_name(command);
    std::string synopsis = bold("bw " + std::string(command.name)) + " [" + italic("FLAGS") + "]";
    if (!command.operands.usage.empty()) synopsis += " " + italic(command.operands.usage);
    return header(name, command.help) + section("SYNOPSIS") + synopsis + "\n" + section("DESCRIPTION") +
           escaped(command.description) + "\n" + section("OPTIONS") + flags_of(command) +
           settings_of(command.settings) + exit_status() + see_also(name);
}

}  // namespace bw::cli
