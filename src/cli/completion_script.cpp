#include "completion_script.hpp"

#include <algorithm>
#include <array>

#include "command.hpp"

namespace bw::cli {
namespace {

// How a shell writes the script.
struct Shell {
    std::string_view name;
    std::string (*script)();
};

std::string joined(const std::vector<std::string_view>& words, std::string_view between) {
    std::string text;
    for (const std::string_view word : words) text.append(text.empty() ? "" : between).append(word);
    return text;
}

std::vector<std::string_view> words_of(const ValueType& type) {
    return {type.words.begin(), type.words.end()};
}

std::vector<std::string_view> choices_of(const Command& command) {
    return command.operands.choices == nullptr ? std::vector<std::string_view>{} : command.operands.choices();
}

// The commands that use a setting.
std::vector<std::string_view> users_of(const Setting& setting) {
    std::vector<std::string_view> names;
    for (const Command* command : commands()) {
        if (setting.used_for <= command->settings) names.push_back(command->name);
    }
    return names;
}

std::string without(std::string_view text, std::string_view unwanted) {
    std::string rest(text);
    std::erase_if(rest, [unwanted](char c) { return unwanted.find(c) != std::string_view::npos; });
    return rest;
}

// All that can stand behind a command in bash: its operands, flags and settings.
std::vector<std::string_view> bash_words(const Command& command) {
    std::vector<std::string_view> words = choices_of(command);
    for (const CommandFlag& flag : command.flags) words.push_back(flag.name);
    for (const Setting& setting : settings()) {
        if (setting.used_for <= command.settings) words.push_back(setting.flag);
    }
    words.push_back("--help");
    return words;
}

// A branch for the word before the one that is completed.
std::string bash_values(const Setting& setting) {
    const std::string head = "        " + std::string(setting.flag) + ") COMPREPLY=(";
    switch (setting.type.completion) {
        case Completion::kWords:
            return head + "$(compgen -W '" + joined(words_of(setting.type), " ") +
                   "' -- \"$word\")); return ;;\n";
        case Completion::kFiles:
            return head + "$(compgen -f -- \"$word\")); compopt -o filenames; return ;;\n";
        case Completion::kDirectories:
            return head + "$(compgen -d -- \"$word\")); compopt -o filenames; return ;;\n";
        case Completion::kNothing:
            break;
    }
    return head + "); return ;;\n";
}

std::string bash_script() {
    std::string values;
    for (const Setting& setting : settings()) values += bash_values(setting);
    std::string branches;
    for (const Command* command : commands()) {
        branches += "        " + std::string(command->name) + ") words='" +
                    joined(bash_words(*command), " ") + "' ;;\n";
    }
    const std::string first =
        joined(command_names(), " ") + " --version " + joined(bash_words(*commands().front()), " ");
    return R"(# bash completion for bw; bw completion bash prints it.
_bw() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= words= i
    # --flag=value comes as three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
)" + values +
           R"(    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            )" +
           joined(command_names(), " | ") + R"() command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $command in
)" + branches +
           "        *) words='" + first + R"(' ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _bw bw
)";
}

// An argument of _arguments: --flag=[meaning]:value:action
std::string zsh_setting(const Setting& setting) {
    std::string action;
    if (setting.type.completion == Completion::kWords)
        action = "(" + joined(words_of(setting.type), " ") + ")";
    if (setting.type.completion == Completion::kFiles) action = "_files";
    if (setting.type.completion == Completion::kDirectories) action = "_files -/";
    return "'" + std::string(setting.flag) + "=[" + without(setting.meaning, "[]:'") + "]:value:" + action +
           "'";
}

std::string zsh_arguments(const Command& command) {
    std::string text = "'(- *)'{-h,--help}'[Print a help text and exit]'";
    for (const CommandFlag& flag : command.flags) {
        const std::string value = flag.value.empty() ? "" : ":" + std::string(flag.value) + ":";
        text += " \\\n            '" + std::string(flag.name) + "[" + without(flag.meaning, "[]:'") + "]" +
                value + "'";
    }
    for (const Setting& setting : settings()) {
        if (setting.used_for <= command.settings) text += " \\\n            " + zsh_setting(setting);
    }
    if (const auto choices = choices_of(command); !choices.empty()) {
        text += " \\\n            '1:word:(" + joined(choices, " ") + ")'";
    }
    return text;
}

std::string zsh_script() {
    std::string names;
    std::string branches;
    for (const Command* command : commands()) {
        const std::string name(command->name);
        names += "        '" + name + ":" + without(command->help, "':") + "'\n";
        branches +=
            "        " + name + ")\n            _arguments " + zsh_arguments(*command) + "\n            ;;\n";
    }
    return "#compdef bw\n# zsh completion for bw; bw completion zsh prints it.\n"
           "_bw() {\n    local curcontext=$curcontext state line\n    typeset -A opt_args\n"
           "    local -a names\n    names=(\n" +
           names +
           "    )\n    _arguments -C '(- *)--version[Print the version of bw and exit]' \\\n            " +
           zsh_arguments(*commands().front()) +
           " \\\n            '1:command:->command' '*::argument:->argument'\n"
           "    case $state in\n        command) _describe command names; return ;;\n"
           "        argument) ;;\n        *) return ;;\n    esac\n    case $line[1] in\n" +
           branches +
           "    esac\n}\n"
           "if [ \"$funcstack[1]\" = _bw ]; then\n    _bw \"$@\"\nelse\n    compdef _bw bw\nfi\n";
}

std::string fish_line(const std::string& condition, const std::string& what, std::string_view meaning) {
    return "complete -c bw -n '" + condition + "' " + what + " -d '" + without(meaning, "'\\") + "'\n";
}

std::string fish_setting(const Setting& setting) {
    std::string others;  // commands that do not use it
    const auto users = users_of(setting);
    for (const auto name : command_names()) {
        if (std::ranges::count(users, name) == 0) others.append(others.empty() ? "" : " ").append(name);
    }
    std::string values = "-x";
    if (setting.type.completion == Completion::kWords) {
        values += " -a '" + joined(words_of(setting.type), " ") + "'";
    }
    if (setting.type.completion == Completion::kFiles) values = "-r -F";
    if (setting.type.completion == Completion::kDirectories) values += " -a '(__fish_complete_directories)'";
    return fish_line("not __fish_seen_subcommand_from " + others,
                     "-l " + std::string(setting.flag.substr(2)) + " " + values, setting.meaning);
}

std::string fish_script() {
    const std::string names = joined(command_names(), " ");
    std::string text =
        "# fish completion for bw; bw completion fish prints it.\ncomplete -c bw -f\n"
        "complete -c bw -s h -l help -d 'Print a help text and exit'\n" +
        fish_line("not __fish_seen_subcommand_from " + names, "-l version",
                  "Print the version of bw and exit");
    for (const Command* command : commands()) {
        const std::string name(command->name);
        text += fish_line("not __fish_seen_subcommand_from " + names, "-a " + name, command->help);
        for (const CommandFlag& flag : command->flags) {
            const std::string value = flag.value.empty() ? "" : " -x";
            text += fish_line("__fish_seen_subcommand_from " + name,
                              "-l " + std::string(flag.name.substr(2)) + value, flag.meaning);
        }
        if (const auto choices = choices_of(*command); !choices.empty()) {
            text += fish_line("__fish_seen_subcommand_from " + name, "-a '" + joined(choices, " ") + "'", "");
        }
    }
    for (const Setting& setting : settings()) text += fish_setting(setting);
    return text;
}

constexpr std::array kShells{Shell{"bash", bash_script}, Shell{"zsh", zsh_script},
                             Shell{"fish", fish_script}};

}  // namespace

std::vector<std::string_view> shell_names() {
    std::vector<std::string_view> names;
    for (const Shell& shell : kShells) names.push_back(shell.name);
    return names;
}

std::string completion_script(std::string_view shell) {
    return std::ranges::find(kShells, shell, &Shell::name)->script();
}

}  // namespace bw::cli
