#include "command.hpp"
#include "help_text.hpp"
#include "output.hpp"

namespace bw::cli {
namespace {

void show_help(const Invocation& invocation, const Config& /*config*/) {
    print(invocation.operands.empty() ? help_text() : help_text(*find_command(invocation.operands.front())));
}

}  // namespace

extern const Command kHelp;
const Command kHelp{.name = "help",
                    .help = "Explain bw, or one of its commands",
                    .operands = {.usage = "[COMMAND]", .most = 1, .choices = command_names},
                    .execute = show_help};

}  // namespace bw::cli
