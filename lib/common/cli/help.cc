#include "common/cli/help.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/cli/text_width.h"

namespace wskit::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kColumn = 30;  // where descriptions begin

std::string heading(std::string_view text, HelpStyle style) {
  return style.color ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

// `text` in lines of at most `width` columns; those after the first are indented.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    if (used > 0 && used + 1 + columns(word) > width) {
      result += fmt::format("\n{:{}}", "", indent);
      used = 0;
    }
    if (used > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += columns(word);
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return result;
}

// A heading at the left with its text in the right column, on a line of its own
// where the heading is too long.
std::string entry(const std::string& left, std::string_view text, HelpStyle style) {
  std::string line = fmt::format("{:{}}{}", "", kIndent, left);
  if (line.size() + 2 > kColumn) {
    line += fmt::format("\n{:{}}", "", kColumn);
  } else {
    line.resize(kColumn, ' ');
  }
  const std::size_t width = std::max(style.width, kColumn + 30) - kColumn;
  return line + wrap(text, kColumn, width) + '\n';
}

std::string head(const CommandModel& command, HelpStyle style) {
  return fmt::format("{}\n\n{} {}\n", wrap(command.summary, 0, style.width), heading("Usage:", style),
                     command.usage());
}

std::string examples(const CommandModel& command, HelpStyle style) {
  if (command.examples.empty()) return {};
  std::string text = fmt::format("\n{}\n", heading("Examples:", style));
  for (const Example& example : command.examples) {
    text += fmt::format("  {}\n      {}\n", example.command, example.meaning);
  }
  return text;
}

std::string subcommands(const CommandModel& command, HelpStyle style) {
  if (command.subcommands.empty()) return {};
  std::string text = fmt::format("\n{}\n", heading("Commands:", style));
  for (const CommandModel& subcommand : command.subcommands) {
    text += entry(subcommand.name, subcommand.summary, style);
  }
  return text;
}

}  // namespace

std::string option_heading(const OptionModel& option) {
  std::string text = option.positional;
  if (!text.empty() && option.repeatable) text += "...";
  for (const auto* names : {&option.short_names, &option.long_names}) {
    for (const std::string& name : *names) text += (text.empty() ? "" : ", ") + name;
  }
  if (!option.has_names()) return text;
  if (!option.flag_value.empty()) return text + "[=" + option.flag_value + ']';
  if (option.value_name.empty()) return text;
  return text + ' ' + (option.value_optional ? '[' + option.value_name + ']' : option.value_name);
}

std::string option_text(const OptionModel& option) {
  std::string text = option.description;
  if (option.repeatable && option.has_names()) text += " (repeatable)";
  std::string_view by_default = option.default_text;
  // A list, which has brackets of its own.
  if (option.repeatable && by_default.starts_with('[') && by_default.ends_with(']')) {
    by_default = by_default.substr(1, by_default.size() - 2);
  }
  if (!by_default.empty()) text += fmt::format(" [default: {}]", by_default);
  if (!option.environment.empty()) text += fmt::format(" [env: {}]", option.environment);
  return text;
}

std::string short_help(const CommandModel& command, HelpStyle style) {
  return head(command, style) + subcommands(command, style) + examples(command, style) +
         fmt::format("\n'{} --help' shows all options.\n", command.path);
}

std::string full_help(const CommandModel& command, HelpStyle style) {
  std::string text = head(command, style) + subcommands(command, style);
  for (const std::string& group : command.groups()) {
    text += fmt::format("\n{}\n", heading(group + ":", style));
    for (const OptionModel& option : command.options) {
      if (option.group == group) text += entry(option_heading(option), option_text(option), style);
    }
  }
  text += examples(command, style);
  if (command.exit_codes.empty()) return text;
  text += fmt::format("\n{}\n", heading("Exit codes:", style));
  for (const ExitCodeText& exit : command.exit_codes) {
    text += fmt::format("  {:<4}{}\n", exit.code, exit.meaning);
  }
  return text;
}

}  // namespace wskit::cli
