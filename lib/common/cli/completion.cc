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

// --- bash --------------------------------------------------------------------

// What a bash script has once: `cur` is the value that is being typed, `pre` what of its
// word stands before it (`--output=`). Nothing that a server or a file says is evaluated.
constexpr std::string_view kBashOffer = R"(_@_words() {
  local word
  for word in "$@"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$pre$word")
  done
}
_@_offer() {
  local word
  while IFS= read -r word; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$pre$word")
  done
}
_@_files() {
  local lead=$1 word
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$pre$lead$word"); done < <(compgen -f -- "${cur#"$lead"}")
}
)";

// Takes the line apart by itself, for readline breaks words at = and : too, and gives
// back only what readline has not got yet.
constexpr std::string_view kBashBegin =
    R"(  local line=${COMP_LINE:0:COMP_POINT} cur prev='' pre='' base='' full rest
  local -a words
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  full=${words[${#words[@]} - 1]}
  ((${#words[@]} > 1)) && prev=${words[${#words[@]} - 2]}
  if [[ $full == [\'\"]* ]]; then
    full=${full:1}
  else
    [[ $COMP_WORDBREAKS == *=* && $full == *=* ]] && base=${full%"${full##*=}"}
    [[ $COMP_WORDBREAKS == *:* && $full == *:* ]] && rest=${full%"${full##*:}"} &&
      ((${#rest} > ${#base})) && base=$rest
  fi
  cur=$full
  if [[ $full == --*=* ]]; then
    prev=${full%%=*} cur=${full#*=} pre=$prev=
  fi
)";

constexpr std::string_view kBashEnd = R"(  COMPREPLY=("${COMPREPLY[@]#"$base"}")
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
  return 0
)";

// The text with the program's name for each `@`, but for that of the shell's own `$@`.
std::string named(std::string_view text, std::string_view program) {
  std::string result;
  for (const char c : text) {
    if (c == '@' && !result.ends_with('$')) {
      result += program;
    } else {
      result += c;
    }
  }
  return result;
}

bool offers_channels(const CommandModel& root, const OptionModel& option) {
  return root.asks_for_channels && option.takes_channel();
}

std::string bash_words(const CommandModel& root, const std::vector<std::string>& words) {
  return fmt::format("_{}_words {}", root.name, join(words, " "));
}

// The command that offers values of the option; empty: nothing is known of them.
std::string bash_values(const CommandModel& root, const OptionModel& option) {
  if (option.takes_file()) return fmt::format("_{}_files", root.name);
  if (offers_channels(root, option)) {
    return fmt::format(
        "_{0}_offer < <({0} --complete channels \"${{words[@]:1:${{#words[@]}}-2}}\" \"$cur\" 2>/dev/null)",
        root.name);
  }
  if (option.takes_profile())
    return fmt::format("_{0}_offer < <({0} --complete profiles 2>/dev/null)", root.name);
  const std::vector<std::string> words = option.words();
  if (words.empty()) return {};
  std::string text = bash_words(root, words);
  for (const std::string& lead : option.file_words()) {
    text = fmt::format("if [[ $cur == {0}* ]]; then _{1}_files {0}; else {2}; fi", lead, root.name, text);
  }
  return text;
}

// The body of bash's `case` over what the word before the cursor was, then the options
// and what else may stand there.
std::string bash_command(const CommandModel& root, const CommandModel& command) {
  std::string cases;
  std::vector<std::string> options;
  std::string others;
  for (const OptionModel& option : command.options) {
    const std::vector<std::string> all = names(option);
    options.insert(options.end(), all.begin(), all.end());
    const std::string values = bash_values(root, option);
    if (!option.positional.empty() && !values.empty()) others += fmt::format("      {}\n", values);
    if (option.value_name.empty() || all.empty()) continue;
    cases += fmt::format("    {}) {} ;;\n", join(all, "|"), values.empty() ? ":" : values);
  }
  std::vector<std::string> subcommands;
  for (const CommandModel& subcommand : command.subcommands) subcommands.push_back(subcommand.name);
  if (!subcommands.empty()) others += fmt::format("      {}\n", bash_words(root, subcommands));
  const std::string listed = bash_words(root, options);
  if (others.empty()) others = fmt::format("      {}\n", listed);
  return fmt::format(
      "  case $prev in\n{}    *)\n      if [[ $cur == -* ]]; then\n        {}\n      else\n{}      fi\n"
      "      ;;\n  esac\n",
      cases, listed, others);
}

// --- zsh ---------------------------------------------------------------------

// In zsh's _arguments a colon, a bracket or a backslash in a text must be escaped.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// The name of the function that completes the option's values.
std::string zsh_function(const CommandModel& root, const OptionModel& option) {
  std::string name = option.long_names.empty() ? option.positional : option.long_names.front().substr(2);
  for (char& c : name) c = c == '-' ? '_' : c;
  return fmt::format("_{}_{}", root.name, name);
}

// What completes a value: a list, a function of zsh's, or one of zsh_functions().
std::string zsh_action(const CommandModel& root, const OptionModel& option) {
  if (option.takes_file()) return "_files";
  if (offers_channels(root, option)) return fmt::format("_{}_channels", root.name);
  if (option.takes_profile()) return fmt::format("_{}_profiles", root.name);
  const std::vector<std::string> words = option.words();
  if (words.empty()) return {};
  if (!option.file_words().empty() || words != option.choices()) return zsh_function(root, option);
  return fmt::format("({})", join(words, " "));
}

std::string zsh_value(const CommandModel& root, const OptionModel& option) {
  if (option.value_name.empty()) return {};
  const std::string action = zsh_action(root, option);
  return fmt::format(":{}:{}", action.starts_with('(') ? "value" : zsh_text(option.value_name), action);
}

std::string zsh_functions(const CommandModel& root, const CommandModel& command) {
  std::string text;
  for (const OptionModel& option : command.options) {
    const std::string name = zsh_function(root, option);
    if (zsh_action(root, option) != name) continue;
    std::string body;
    std::string whole;
    for (const std::string& word : option.words()) {
      if (word.ends_with('=') || word.ends_with(':')) {
        body += fmt::format("compadd -S '' - {}; ", word);
      } else {
        whole += fmt::format(" {}", word);
      }
    }
    if (!whole.empty()) body += fmt::format("compadd -{}; ", whole);
    for (const std::string& lead : option.file_words()) {
      body = fmt::format("if compset -P {}; then _files; else {}fi; ", lead, body);
    }
    text += fmt::format("(( $+functions[{0}] )) || {0}() {{ {1}}}\n", name, body);
  }
  for (const CommandModel& subcommand : command.subcommands) text += zsh_functions(root, subcommand);
  return text;
}

std::string zsh_arguments(const CommandModel& root, const CommandModel& command, std::string_view indent) {
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
                      zsh_value(root, option)));
    }
    if (!option.positional.empty()) {
      add(fmt::format("{}:{}:{}", option.repeatable ? "*" : "", zsh_text(option.positional),
                      zsh_action(root, option)));
    }
  }
  return text;
}

// --- fish --------------------------------------------------------------------

// What `-a` takes; empty: nothing is known of the values.
std::string fish_values(const CommandModel& root, const OptionModel& option) {
  if (offers_channels(root, option)) {
    return fish_quoted(fmt::format(
        "({} --complete channels (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)", root.name));
  }
  if (option.takes_profile())
    return fish_quoted(fmt::format("({} --complete profiles 2>/dev/null)", root.name));
  const std::vector<std::string> words = option.words();
  return words.empty() ? std::string() : fish_quoted(join(words, " "));
}

std::string fish_option(const CommandModel& root, const std::string& condition, const OptionModel& option) {
  const std::string values = fish_values(root, option);
  std::string line = fmt::format("complete -c {}{}", root.name, condition);
  if (!option.has_names()) {
    if (values.empty()) return {};
    return line + (option.takes_file() ? "" : " -f") + " -a " + values + "\n";
  }
  for (const std::string& name : option.short_names) line += " -s " + name.substr(1);
  for (const std::string& name : option.long_names) line += " -l " + name.substr(2);
  if (option.takes_file() || !option.file_words().empty()) {
    line += " -r";
  } else if (!option.value_name.empty()) {
    line += " -x";
  }
  if (!values.empty()) line += " -a " + values;
  return line + " -d " + fish_quoted(first_sentence(option.description)) + "\n";
}

}  // namespace

std::string bash_completion(const CommandModel& command) {
  std::string text =
      fmt::format("# bash completion for {}\n", command.name) + named(kBashOffer, command.name);
  for (const CommandModel& subcommand : command.subcommands) {
    text +=
        fmt::format("_{}_{}() {{\n{}}}\n", command.name, subcommand.name, bash_command(command, subcommand));
  }
  text += fmt::format("_{}() {{\n{}", command.name, kBashBegin);
  if (!command.subcommands.empty()) {
    text += "  local word\n  for word in \"${words[@]:1:${#words[@]}-2}\"; do\n    case $word in\n";
    for (const CommandModel& subcommand : command.subcommands) {
      text += fmt::format("    {0})\n      _{1}_{0}\n{2}      ;;\n", subcommand.name, command.name, kBashEnd);
    }
    text += "    esac\n  done\n";
  }
  text += bash_command(command, command) + std::string(kBashEnd) + "}\n";
  return text + fmt::format("complete -o bashdefault -F _{0} {0}\n", command.name);
}

std::string zsh_completion(const CommandModel& command) {
  std::string text = fmt::format("#compdef {}\n", command.name);
  if (command.asks_for_channels) {
    text += named(
        "(( $+functions[_@_channels] )) || _@_channels() {\n"
        "  local -a found\n"
        "  found=(${(f)\"$(@ --complete channels ${words[2,CURRENT-1]} \"$PREFIX\" 2>/dev/null)\"})\n"
        "  compadd -a found\n"
        "}\n",
        command.name);
  }
  text += named(
      "(( $+functions[_@_profiles] )) || _@_profiles() {\n"
      "  local -a found\n"
      "  found=(${(f)\"$(@ --complete profiles 2>/dev/null)\"})\n"
      "  compadd -a found\n"
      "}\n",
      command.name);
  text += zsh_functions(command, command);
  if (command.subcommands.empty())
    return text + "_arguments -s -S" + zsh_arguments(command, command, "  ") + "\n";
  text += "local line state\n_arguments -s -S -C" + zsh_arguments(command, command, "  ");
  text += " \\\n  '1:command:->command' \\\n  '*::argument:->argument'\n";
  text += "case $state in\ncommand)\n  local -a commands=(";
  for (const CommandModel& subcommand : command.subcommands) {
    text += "\n    " + shell_quoted(subcommand.name + ":" + zsh_text(first_sentence(subcommand.summary)));
  }
  text += "\n  )\n  _describe command commands\n  ;;\nargument)\n  case $line[1] in\n";
  for (const CommandModel& subcommand : command.subcommands) {
    text += fmt::format("  {})\n    _arguments -s -S{}\n    ;;\n", subcommand.name,
                        zsh_arguments(command, subcommand, "      "));
  }
  return text + "  esac\n  ;;\nesac\n";
}

std::string fish_completion(const CommandModel& command) {
  std::string text;
  const bool nested = !command.subcommands.empty();
  for (const OptionModel& option : command.options) {
    text += fish_option(command, nested ? " -n __fish_use_subcommand" : "", option);
  }
  for (const CommandModel& subcommand : command.subcommands) {
    text += fmt::format("complete -c {} -n __fish_use_subcommand -x -a {} -d {}\n", command.name,
                        subcommand.name, fish_quoted(first_sentence(subcommand.summary)));
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", subcommand.name);
    for (const OptionModel& option : subcommand.options) {
      text += fish_option(command, condition, option);
    }
  }
  return text;
}

}  // namespace wskit::cli
