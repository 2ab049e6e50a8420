// The command line, read by CLI11; every flag comes from the table of settings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bw/config.hpp"
#include "bw/process.hpp"

namespace bw::cli {

struct Arguments {
    Command command = Command::kWork;
    Flags flags;
    bool json = false;                     // status: as JSON
    std::vector<std::string> words;        // as they were given, the program's name first
    std::optional<Supervised> supervised;  // by the parent that started this worker
    std::optional<std::string> output;     // --help or --version: what to print instead of anything else
    std::optional<std::string> mistake;    // the command line is wrong: why
};

Arguments parse_arguments(int argc, char** argv);

}  // namespace bw::cli
