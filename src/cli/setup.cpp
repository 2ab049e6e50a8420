#include "bw/base/error.hpp"
#include "bw/queue.hpp"
#include "command.hpp"
#include "output.hpp"
#include "status.hpp"
#include "wiring.hpp"

namespace bw::cli {
namespace {

void set_up_queue(const Invocation& /*invocation*/, const Config& config) {
    const auto connection = connect(connection_options(config), {});
    std::string text;
    bool differs = false;
    for (const auto& result : set_up(*connection, queue_names(config))) {
        text += to_text(result);
        differs = differs || result.outcome == SetupResult::Outcome::kDiffers;
    }
    print(text);
    if (!differs) return;
    throw Error(ErrorKind::kDifference, config.stream + " > " + config.consumer,
                "stream or consumer differ from what they should be; nothing was changed");
}

}  // namespace

extern const Command kSetup;
const Command kSetup{.name = "setup",
                     .help = "Create the stream and the consumer, or say how they differ",
                     .description =
                         "Creates the stream and the consumer of the protocol where they are missing. Where "
                         "one exists and differs "
                         "it says how, changes nothing, and exits with 9.",
                     .settings = SettingsFor::kQueue,
                     .execute = set_up_queue};

}  // namespace bw::cli
