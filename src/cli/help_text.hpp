// What --help says, from the tables of commands and settings.
#pragma once

#include <string>

#include "command.hpp"

namespace bw::cli {

// The text for bw as a whole: its commands, and all settings.
std::string help_text();

// The text for one command: its flags, and the settings that it uses.
std::string help_text(const Command& command);

}  // namespace bw::cli
