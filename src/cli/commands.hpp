// Wires the rooms together; the one place where an Error becomes a line and an exit code.
#pragma once

#include "arguments.hpp"

namespace bw::cli {

// The exit code of the process.
int run(const Arguments& arguments);

}  // namespace bw::cli
