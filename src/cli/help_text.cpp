#include "help_text.hpp"

#include <algorithm>

namespace bw::cli {
namespace {

constexpr std::string_view kDescription =
    "Black and white images from a NATS JetStream work queue.\n"
    "Pulls jobs {\"id\": …, \"image\": \"file:///…\", \"advisory\": …}, writes OUTDIR/<id>.<ext>, publishes "
    "the advisory, acks.\n";

constexpr std::size_t kColumn = 24;  // where the meaning starts

std::string row(std::string_view left, std::string_view meaning) {
    const std::size_t blanks = std::max(kColumn, left.size() + 4) - left.size() - 2;
    return "  " + std::string(left) + std::string(blanks, ' ') + std::string(meaning) + "\n";
}

std::string name_of(const CommandFlag& flag) {
    std::string text(flag.name);
    return flag.value.empty() ? text : text + " " + std::string(flag.value);
}

std::string explanation(const Setting& setting) {
    std::string text = std::string(setting.variable) + ": " + std::string(setting.meaning);
    if (!setting.fallback.empty()) text += " [" + std::string(setting.fallback) + "]";
    return text;
}

std::string flags_of_bw() {
    return row("-h, --help", "Print this help and exit") +
           row("--version", "Print the version of bw and exit");
}

std::string settings_of(SettingsFor use) {
    std::string text;
    for (const Setting& setting : settings()) {
        if (setting.used_for <= use) text += row(setting.flag, explanation(setting));
    }
    if (text.empty()) return text;
    return "\nSettings (the environment variable of the name shown; a flag wins):\n" + text;
}

std::string usage(const Command& command) {
    std::string text = "Usage: bw " + std::string(command.name);
    for (const CommandFlag& flag : command.flags) text += " [" + name_of(flag) + "]";
    if (command.settings != SettingsFor::kNothing) text += " [SETTINGS]";
    if (!command.operands.usage.empty()) text += " " + std::string(command.operands.usage);
    return text + "\n";
}

}  // namespace

std::string help_text() {
    std::string text = std::string(kDescription) + "\nUsage: bw [COMMAND] [FLAGS]\n\nCommands:\n";
    for (const Command* command : commands()) text += row(command->name, command->help);
    text += "\nFlags (bw help COMMAND shows those of a command):\n" + flags_of_bw();
    return text + settings_of(SettingsFor::kWork);
}

std::string help_text(const Command& command) {
    std::string text = std::string(command.help) + ".\n" + std::string(command.description) + "\n\n" +
                       usage(command) + "\nFlags:\n";
    for (const CommandFlag& flag : command.flags) text += row(name_of(flag), flag.meaning);
    return text + flags_of_bw() + settings_of(command.settings);
}

}  // namespace bw::cli
