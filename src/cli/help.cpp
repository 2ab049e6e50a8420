#include <array>

#include "command.hpp"
#include "help_text.hpp"
#include "man_page.hpp"
#include "output.hpp"

namespace bw::cli {
namespace {

void show_help(const Invocation& invocation, const Config& /*config*/) {
    const bool man = invocation.flags.contains("--man");
    if (invocation.operands.empty()) return print(man ? man_page() : help_text());
    const Command& command = *find_command(invocation.operands.front());
    print(man ? man_page(command) : help_text(command));
}

constexpr std::array kFlags{CommandFlag{"--man", "", "As the source of a man page"}};

}  // namespace

extern const Command kHelp;
const Command kHelp{.name = "help",
                    .help = "Explain bw, or one of its commands",
                    .description = "Says which commands, flags and settings there are.",
                    .flags = kFlags,
                    .operands = {.usage = "[COMMAND]", .most = 1, .choices = command_names},
                    .execute = show_help};

}  // namespace bw::cli
