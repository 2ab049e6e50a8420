// The command line: reads the arguments, wires the rooms together and runs a command. The one place where an
// Error becomes a line and an exit code.
#pragma once

namespace bw::cli {

// The exit code of the process.
int run(int argc, char** argv);

}  // namespace bw::cli
