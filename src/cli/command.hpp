// The commands of bw: one table, from which the command line is read and --help comes. A new command is a
// file that defines a Command, and a row in commands.cpp.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bw/config.hpp"
#include "bw/process.hpp"

namespace bw::cli {

// The command line, as it was read.
struct Invocation {
    Flags settings;                                         // the flags of settings
    std::map<std::string, std::string, std::less<>> flags;  // the command's own; a switch has an empty value
    std::vector<std::string> operands;
    std::vector<std::string> words;        // all of it as it was given, the program's name first
    std::optional<Supervised> supervised;  // by the parent that started this worker
};

// A flag of one command, beside the settings.
struct CommandFlag {
    std::string_view name;   // "--json"
    std::string_view value;  // what --help calls its value; empty: it is a switch
    std::string_view meaning;
};

// The words after a command that are no flags.
struct Operands {
    std::string_view usage;  // as --help shows them: "[COMMAND]"
    std::size_t least = 0;
    std::size_t most = 0;
    std::vector<std::string_view> (*choices)() = nullptr;  // what the first may be; null: anything
    std::string_view choice_of_numbers{};  // who begins with a number has probably meant this one before it
};

struct Command {
    std::string_view name;
    std::string_view help;         // one line
    std::string_view description;  // what more there is to say, in whole sentences
    SettingsFor settings = SettingsFor::kNothing;
    std::span<const CommandFlag> flags{};
    Operands operands{};
    // Returns when the command has done what it is for. Throws Error for everything else. `config` has its
    // defaults where `settings` is kNothing.
    void (*execute)(const Invocation& invocation, const Config& config) = nullptr;
};

// In the order of --help; the first is what bw does without a command.
std::span<const Command* const> commands();

std::vector<std::string_view> command_names();

// Null if there is none of that name.
const Command* find_command(std::string_view name);

}  // namespace bw::cli
