#include <algorithm>
#include <array>

#include "command.hpp"

namespace bw::cli {

extern const Command kWork;
extern const Command kSetup;
extern const Command kStatus;
extern const Command kDead;
extern const Command kHelp;
extern const Command kVersion;
extern const Command kCompletion;

namespace {
constexpr std::array kCommands{&kWork, &kSetup, &kStatus, &kDead, &kHelp, &kVersion, &kCompletion};
}

std::span<const Command* const> commands() { return kCommands; }

std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const Command* command : kCommands) names.push_back(command->name);
    return names;
}

const Command* find_command(std::string_view name) {
    const auto* found = std::find_if(kCommands.begin(), kCommands.end(),
                                     [name](const Command* command) { return command->name == name; });
    return found == kCommands.end() ? nullptr : *found;
}

}  // namespace bw::cli
