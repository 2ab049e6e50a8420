#include "cli/arguments.hpp"
#include "cli/commands.hpp"

int main(int argc, char** argv) { return bw::cli::run(bw::cli::parse_arguments(argc, argv)); }
