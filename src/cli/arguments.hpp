// The command line, read by CLI11 against the tables of commands and settings.
#pragma once

#include "command.hpp"

namespace bw::cli {

struct Arguments {
    const Command* command = nullptr;  // never null once read
    Invocation invocation;
};

// --help and --version become the commands help and version. Throws Error (kConfiguration) for a command line
// that is wrong; it says what would be right, and shows no secret.
Arguments read_arguments(int argc, char** argv);

}  // namespace bw::cli
