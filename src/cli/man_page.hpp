// Man pages in roff, from the tables of commands, settings and exit codes.
#pragma once

#include <string>

#include "command.hpp"

namespace bw::cli {

// bw(1): all commands, settings and exit codes.
std::string man_page();

// bw-COMMAND(1).
std::string man_page(const Command& command);

}  // namespace bw::cli
