#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bw/base/error.hpp"
#include "bw/queue.hpp"
#include "command.hpp"
#include "output.hpp"
#include "status.hpp"
#include "wiring.hpp"

namespace bw::cli {
namespace {

constexpr std::string_view kSizeFlag = "--max-msg-size";

std::optional<std::int64_t> max_msg_size(const Invocation& invocation) {
    const auto given = invocation.flags.find(kSizeFlag);
    if (given == invocation.flags.end()) return std::nullopt;
    return static_cast<std::int64_t>(
        read_size_flag(kSizeFlag, given->second, kLeastMessageSize, kMaxJobBytes));
}

void set_up_queue(const Invocation& invocation, const Config& config) {
    const auto size = max_msg_size(invocation);
    const auto connection = connect(connection_options(config), {});
    const auto names = queue_names(config);
    bool differs = false;
    const auto say = [&differs](const SetupResult& result) {
        print(to_text(result));
        differs = differs || result.outcome == SetupResult::Outcome::kDiffers;
    };
    for (const auto& result : set_up(*connection, names, size)) say(result);
    say(set_up_results(*connection, names));
    if (!differs) return;
    throw Error(ErrorKind::kDifference, config.stream + " > " + config.consumer,
                "a stream or the consumer differs from what it should be; nothing was changed");
}

constexpr std::array kFlags{
    CommandFlag{kSizeFlag, "SIZE", "The largest job that the stream takes, headers included [512]"}};

}  // namespace

extern const Command kSetup;
const Command kSetup{.name = "setup",
                     .help = "Create the streams and the consumer, or say how they differ",
                     .description =
                         "Creates the stream and the consumer of the protocol, and the results stream, where "
                         "they are missing. Where one exists and differs "
                         "it says how, changes nothing, and exits with 9. BW_RESULTS=off leaves the results "
                         "stream out.",
                     .settings = SettingsFor::kQueue,
                     .flags = kFlags,
                     .execute = set_up_queue};

}  // namespace bw::cli
