#include "common/cli/completion.h"

#include <fmt/core.h>

#include <string_view>
#include <vector>

namespace wskit::cli {
namespace {

std::vector<std::string> names(const OptionModel& option) {
  std::vector<std::string> result = option.short_names;
  result.insert(result.end(), option.long_names.begin(), option.long_names.end());
  return result;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (const std::string& part : parts) {
    if (!result.empty()) result += separator;
    result += part;
  }
  return result;
}

// Inside single quotes of a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

// Inside single quotes of fish, where a backslash escapes a quote and itself.
std::string fish_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string first_sentence(std::string_view text) {
  std::string result(text.substr(0, text.find(". ")));
  if (result.ends_with('.')) result.pop_back();
  return result;
}

// The body of bash's `case` over what the word before the cursor was, then the
// list of options. `words` also holds the names of subcommands.
std::string bash_command(const CommandModel& command) {
  std::string cases;
  std::vector<std::string> words;
  for (const OptionModel& option : command.options) {
    const std::vector<std::string> all = names(option);
    words.insert(words.end(), all.begin(), all.end());
    if (option.value_name.empty() || all.empty()) continue;
    std::string reply = "COMPREPLY=()";
    if (option.takes_file()) reply = "COMPREPLY=($(compgen -f -- \"$cur\"))";
    if (!option.choices().empty()) {
      reply = fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", join(option.choices(), " "));
    }
    cases += fmt::format("    {})\n      {}\n      return\n      ;;\n", join(all, "|"), reply);
  }
  for (const CommandModel& subcommand : command.subcommands) words.push_back(subcommand.name);
  std::string text;
  if (!cases.empty()) text = "  case \"$prev\" in\n" + cases + "  esac\n";
  text += fmt::format("  COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n", join(words, " "));
  bool files = false;
  for (const OptionModel& option : command.options)
    files |= !option.positional.empty() && option.takes_file();
  if (files) text += "  [[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n";
  return text;
}

// In zsh's _arguments a colon, a bracket or a backslash in a text must be escaped.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_value(const OptionModel& option) {
  if (option.value_name.empty()) return {};
  if (!option.choices().empty()) return fmt::format(":value:({})", join(option.choices(), " "));
  return fmt::format(":{}:{}", zsh_text(option.value_name), option.takes_file() ? "_files" : "");
}

std::string zsh_arguments(const CommandModel& command, std::string_view indent) {
  std::string text;
  const auto add = [&](const std::string& specification) {
    text += fmt::format(" \\\n{}{}", indent, shell_quoted(specification));
  };
  for (const OptionModel& option : command.options) {
    const std::vector<std::string> all = names(option);
    const std::string exclusive = option.repeatable ? "*" : fmt::format("({})", join(all, " "));
    for (const std::string& name : all) {
      std::string_view joint;
      if (!option.value_name.empty()) joint = name.starts_with("--") ? "=" : "+";
      add(fmt::format("{}{}{}[{}]{}", exclusive, name, joint, zsh_text(first_sentence(option.description)),
                      zsh_value(option)));
    }
    if (!option.positional.empty()) {
      add(fmt::format("{}:{}:{}", option.repeatable ? "*" : "", zsh_text(option.positional),
                      option.takes_file() ? "_files" : ""));
    }
  }
  return text;
}

std::string fish_option(const std::string& program, const std::string& condition, const OptionModel& option) {
  if (!option.has_names()) return {};
  std::string line = fmt::format("complete -c {}{}", program, condition);
  for (const std::string& name : option.short_names) line += " -s " + name.substr(1);
  for (const std::string& name : option.long_names) line += " -l " + name.substr(2);
  if (option.takes_file()) {
    line += " -r";
  } else if (!option.value_name.empty()) {
    line += " -x";
  }
  if (!option.choices().empty()) line += " -a " + fish_quoted(join(option.choices(), " "));
  return line + " -d " + fish_quoted(first_sentence(option.description)) + "\n";
}

}  // namespace

std::string bash_completion(const CommandModel& command) {
  std::string text = fmt::format("# bash completion for {}\n_{}() {{\n", command.name, command.name);
  text += "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n  COMPREPLY=()\n";
  if (!command.subcommands.empty()) {
    text += "  local word\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"$word\" in\n";
    for (const CommandModel& subcommand : command.subcommands) {
      text +=
          fmt::format("    {0})\n      _{1}_{0}\n      return\n      ;;\n", subcommand.name, command.name);
    }
    text += "    esac\n  done\n";
  }
  text += bash_command(command) + "}\n";
  for (const CommandModel& subcommand : command.subcommands) {
    text += fmt::format("_{}_{}() {{\n{}}}\n", command.name, subcommand.name, bash_command(subcommand));
  }
  return text + fmt::format("complete -o bashdefault -F _{0} {0}\n", command.name);
}

std::string zsh_completion(const CommandModel& command) {
  std::string text = fmt::format("#compdef {}\n", command.name);
  if (command.subcommands.empty()) return text + "_arguments -s -S" + zsh_arguments(command, "  ") + "\n";
  text += "local line state\n_arguments -s -S -C" + zsh_arguments(command, "  ");
  text += " \\\n  '1:command:->command' \\\n  '*::argument:->argument'\n";
  text += "case $state in\ncommand)\n  local -a commands=(";
  for (const CommandModel& subcommand : command.subcommands) {
    text += "\n    " + shell_quoted(subcommand.name + ":" + zsh_text(first_sentence(subcommand.summary)));
  }
  text += "\n  )\n  _describe command commands\n  ;;\nargument)\n  case $line[1] in\n";
  for (const CommandModel& subcommand : command.subcommands) {
    text += fmt::format("  {})\n    _arguments -s -S{}\n    ;;\n", subcommand.name,
                        zsh_arguments(subcommand, "      "));
  }
  return text + "  esac\n  ;;\nesac\n";
}

std::string fish_completion(const CommandModel& command) {
  std::string text;
  const bool nested = !command.subcommands.empty();
  for (const OptionModel& option : command.options) {
    text += fish_option(command.name, nested ? " -n __fish_use_subcommand" : "", option);
  }
  for (const CommandModel& subcommand : command.subcommands) {
    text += fmt::format("complete -c {} -n __fish_use_subcommand -x -a {} -d {}\n", command.name,
                        subcommand.name, fish_quoted(first_sentence(subcommand.summary)));
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", subcommand.name);
    for (const OptionModel& option : subcommand.options) {
      text += fish_option(command.name, condition, option);
    }
  }
  return text;
}

}  // namespace wskit::cli
