#include <fcntl.h>

#include <csignal>
#include <cstdlib>

#include "arguments.hpp"
#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/cli.hpp"
#include "bw/worker.hpp"
#include "command.hpp"
#include "report.hpp"

namespace bw::cli {
namespace {

// If the caller has closed one of these, the next file or connection that is opened would get its number, and
// bw would print or log into it. /dev/null takes the place instead, opened for reading, so that a write
// fails.
void keep_standard_descriptors() {
    for (const int descriptor : {0, 1, 2}) {
        if (::fcntl(descriptor, F_GETFD) == -1) ::open("/dev/null", O_RDONLY);
    }
}

Config read_config(const Command& command, const Invocation& invocation) {
    Config config;
    if (command.settings == SettingsFor::kNothing) return config;
    const auto problems = load_config(process_environment, invocation.settings, command.settings, config);
    log::configure(config.log_level, config.log_format);
    if (!invocation.supervised) {  // the parent has said it
        for (const auto& warning : unknown_settings(process_variables()))
            log::warn("a variable has no effect", {{"reason", warning}});
    }
    if (!problems.empty()) throw Error(ErrorKind::kConfiguration, "settings", problems);
    return config;
}

}  // namespace

int report(const Error& failure, const log::Fields& job) {
    log::error(failure, job);
    return exit_code(failure.kind());
}

int run(int argc, char** argv) {
    keep_standard_descriptors();
    try {
        const auto [command, invocation] = read_arguments(argc, argv);
        if (invocation.supervised) log::add_to_each_line({{"worker", invocation.supervised->slot + 1}});
        // The program that reads the log may end before a worker or a parent does, which then loses lines
        // only.
        if (command->settings == SettingsFor::kWork) std::signal(SIGPIPE, SIG_IGN);
        command->execute(invocation, read_config(*command, invocation));
        return EXIT_SUCCESS;
    } catch (const JobFailed& failure) {
        return report(failure, failure.job());
    } catch (const Error& failure) {
        return report(failure);
    } catch (const std::exception& defect) {
        return report({ErrorKind::kInternal, "bw", defect.what()});
    }
}

}  // namespace bw::cli
