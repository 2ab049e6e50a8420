#include "command.hpp"
#include "completion_script.hpp"
#include "output.hpp"

namespace bw::cli {
namespace {

void show_completion(const Invocation& invocation, const Config& /*config*/) {
    print(completion_script(invocation.operands.front()));
}

}  // namespace

extern const Command kCompletion;
const Command kCompletion{
    .name = "completion",
    .help = "Print a script that completes bw's command line in a shell",
    .description =
        "In bash, source <(bw completion bash) makes it work at once. The package installs the "
        "scripts where the shells look for them.",
    .operands = {.usage = "SHELL", .least = 1, .most = 1, .choices = shell_names},
    .execute = show_completion};

}  // namespace bw::cli
