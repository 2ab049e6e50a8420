#include "arguments.hpp"

#include <CLI/CLI.hpp>

namespace bw::cli {
namespace {

constexpr const char* kDescription =
    "Black and white images from a NATS JetStream work queue.\n"
    "Pulls jobs {\"id\": …, \"image\": \"file:///…\", \"advisory\": …}, writes OUTDIR/<id>.<ext>, publishes "
    "the advisory, acks.\n";

std::string explanation(const Setting& setting) {
    std::string text = std::string(setting.variable) + ": " + std::string(setting.meaning);
    if (!setting.fallback.empty()) text += " [" + std::string(setting.fallback) + "]";
    return text;
}

// A misplaced argument may be a URL with a password.
std::string without_secrets(const std::string& mistake) {
    const bool may_hold_one =
        mistake.find('@') != std::string::npos || mistake.find("://") != std::string::npos;
    return may_hold_one ? "an argument that looks like a URL was not expected; see bw --help"
                        : mistake + "; see bw --help";
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
    Arguments arguments;
    arguments.words.assign(argv, argv + argc);
    CLI::App app(kDescription, "bw");
    app.set_version_flag("--version", "bw " BW_VERSION);
    app.get_formatter()->column_width(32);
    app.fallthrough();
    app.require_subcommand(0, 1);
    app.add_subcommand("work", "Do jobs until SIGTERM or SIGINT; what bw does without a command");
    const auto* setup =
        app.add_subcommand("setup", "Create the stream and the consumer, or say how they differ");
    auto* status = app.add_subcommand(
        "status", "Say how stream and consumer are, and what waits, is in work and is dead");
    status->add_flag("--json", arguments.json, "As one JSON object");
    std::string supervised;
    app.add_option(std::string(kSupervisedFlag), supervised)->group("");  // not in --help
    for (const Setting& setting : settings()) {
        const std::string flag(setting.flag);
        app.add_option_function<std::string>(
               flag, [&arguments, flag](const std::string& value) { arguments.flags[flag] = value; },
               explanation(setting))
            ->type_name("")
            ->group("Settings (the environment variable of the name shown; a flag wins)");
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        arguments.output = app.help();
    } catch (const CLI::CallForVersion&) {
        arguments.output = app.version() + "\n";
    } catch (const CLI::ParseError& e) {
        arguments.mistake = without_secrets(e.what());
    }
    if (!supervised.empty() && !(arguments.supervised = read_supervised(supervised))) {
        arguments.mistake = std::string(kSupervisedFlag) + " is for bw itself; see bw --help";
    }
    if (setup->parsed()) arguments.command = Command::kSetup;
    if (status->parsed()) arguments.command = Command::kStatus;
    return arguments;
}

}  // namespace bw::cli
