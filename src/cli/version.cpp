#include <string>

#include "command.hpp"
#include "output.hpp"

namespace bw::cli {
namespace {

void show_version(const Invocation& /*invocation*/, const Config& /*config*/) {
    print(std::string("bw ") + BW_VERSION + "\n");
}

}  // namespace

extern const Command kVersion;
const Command kVersion{.name = "version",
                       .help = "Say which version of bw this is",
                       .description = "Prints the name and the version of the program.",
                       .execute = show_version};

}  // namespace bw::cli
