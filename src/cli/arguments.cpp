#include "arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"

namespace bw::cli {
namespace {

[[noreturn]] void refuse(const std::string& mistake) {
    // A misplaced argument may be a URL with a password.
    const bool may_hold_a_secret =
        mistake.find('@') != std::string::npos || mistake.find("://") != std::string::npos;
    throw Error(ErrorKind::kConfiguration, "command line",
                (may_hold_a_secret ? "an argument that looks like a URL was not expected" : mistake) +
                    "; see bw --help");
}

// CLI11 with what it found. It only takes the words apart; what they may be is decided below.
struct Parser {
    CLI::App app{"", "bw"};
    std::map<const Command*, CLI::App*> subcommands{};
    bool help = false;
    bool version = false;
    std::string supervised{};
};

void declare_flag(CLI::App& app, const CommandFlag& flag, Invocation& invocation) {
    const std::string name(flag.name);
    if (flag.value.empty()) {
        app.add_flag_callback(name, [&invocation, name] { invocation.flags[name] = ""; });
    } else {
        app.add_option_function<std::string>(
            name, [&invocation, name](const std::string& value) { invocation.flags[name] = value; });
    }
}

void declare(Parser& parser, Invocation& invocation) {
    parser.app.set_help_flag();  // ours is a flag as any other
    parser.app.fallthrough();
    parser.app.allow_extras();
    parser.app.require_subcommand(0, 1);
    parser.app.add_flag("-h,--help", parser.help);
    parser.app.add_flag("--version", parser.version);
    parser.app.add_option(std::string(kSupervisedFlag), parser.supervised);
    for (const Setting& setting : settings()) {
        const std::string flag(setting.flag);
        parser.app.add_option_function<std::string>(
            flag, [&invocation, flag](const std::string& value) { invocation.settings[flag] = value; });
    }
    for (const Command* command : commands()) {
        CLI::App* subcommand = parser.app.add_subcommand(std::string(command->name));
        subcommand->allow_extras();
        for (const CommandFlag& flag : command->flags) declare_flag(*subcommand, flag, invocation);
        parser.subcommands[command] = subcommand;
    }
}

// Returns the command that was named, or null if none was.
const Command* named_command(const Parser& parser) {
    for (const auto& [command, subcommand] : parser.subcommands) {
        if (subcommand->parsed()) return command;
    }
    return nullptr;
}

[[noreturn]] void refuse_flag(const std::string& word, const Command& command) {
    const std::string flag = word.substr(0, word.find('='));
    std::vector<std::string_view> known{"--help", "--version"};
    for (const CommandFlag& one : command.flags) known.push_back(one.name);
    for (const Setting& setting : settings()) known.push_back(setting.flag);
    refuse(flag + " is no flag of bw " + std::string(command.name) + did_you_mean(flag, known));
}

[[noreturn]] void refuse_command(const std::string& word) {
    const auto names = command_names();
    refuse(word + " is no command" + did_you_mean(word, names));
}

void check_choice(const std::string& word, const Operands& operands) {
    if (operands.choices == nullptr) return;
    const auto choices = operands.choices();
    if (std::find(choices.begin(), choices.end(), word) != choices.end()) return;
    std::string right;
    for (const auto choice : choices) right.append(right.empty() ? "" : ", ").append(choice);
    const bool is_number = word.find_first_not_of("0123456789") == std::string::npos;
    const auto number_hint = std::string(operands.choice_of_numbers) + " " + word;
    refuse(word + " is none of " + right +
           (is_number && !operands.choice_of_numbers.empty() ? "; did you mean " + number_hint + "?"
                                                             : did_you_mean(word, choices)));
}

constexpr std::string_view kStandardInput = "-";  // in the place of a file

// Words that CLI11 has no use for are operands, or mistakes.
void take_operands(const Parser& parser, const Command* named, const Command& command, Invocation& to) {
    for (const std::string& word : parser.app.remaining(true)) {
        if (word.starts_with('-') && word != kStandardInput) refuse_flag(word, command);
        if (named == nullptr) refuse_command(word);
        if (to.operands.size() == command.operands.most) {
            refuse(word + " is one word too many for bw " + std::string(command.name));
        }
        if (to.operands.empty()) check_choice(word, command.operands);
        to.operands.push_back(word);
    }
    if (to.operands.size() < command.operands.least) {
        refuse("bw " + std::string(command.name) + " wants " + std::string(command.operands.usage));
    }
}

}  // namespace

Arguments read_arguments(int argc, char** argv) {
    Arguments arguments;
    Invocation& invocation = arguments.invocation;
    invocation.words.assign(argv, argv + argc);
    Parser parser;
    declare(parser, invocation);
    try {
        parser.app.parse(argc, argv);
    } catch (const CLI::ArgumentMismatch& mistake) {  // "--outdir: ..."
        const std::string text = mistake.what();
        refuse(text.substr(0, text.find(':')) + " wants one value");
    } catch (const CLI::ParseError& mistake) {
        refuse(mistake.what());
    }
    const Command* named = named_command(parser);
    arguments.command = named != nullptr ? named : commands().front();
    if (parser.help) {
        if (named != nullptr) invocation.operands.emplace_back(named->name);
        arguments.command = find_command("help");
        return arguments;
    }
    if (parser.version) {
        arguments.command = find_command("version");
        return arguments;
    }
    if (!parser.supervised.empty() && !(invocation.supervised = read_supervised(parser.supervised))) {
        refuse(std::string(kSupervisedFlag) + " is for bw itself");
    }
    take_operands(parser, named, *arguments.command, invocation);
    return arguments;
}

}  // namespace bw::cli
