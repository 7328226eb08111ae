#include "common/cli/man_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "common/cli/help.h"

namespace wskit::cli {
namespace {

// Text that roff must not read as a request.
std::string escape(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '\'') {
      result += "\\(aq";
    } else if (c == '\n') {
      result += "\n\\&";
    } else {
      result += c;
    }
  }
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return result;
}

std::string tagged(std::string_view tag, std::string_view text) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", escape(tag), escape(text));
}

std::string options(const CommandModel& command) {
  std::string page;
  for (const std::string& group : command.groups()) {
    page += fmt::format(".SS {}\n", escape(group));
    for (const OptionModel& option : command.options) {
      if (option.group == group) page += tagged(option_heading(option), option_text(option));
    }
  }
  return page;
}

std::string commands(const CommandModel& command) {
  if (command.subcommands.empty()) return {};
  std::string page = ".SH COMMANDS\n";
  for (const CommandModel& subcommand : command.subcommands) {
    page += fmt::format(".SS {}\n{}\n.PP\n\\fB{}\\fR\n", escape(subcommand.name), escape(subcommand.summary),
                        escape(subcommand.usage()));
    for (const OptionModel& option : subcommand.options) {
      page += tagged(option_heading(option), option_text(option));
    }
    for (const Example& example : subcommand.examples) page += tagged(example.command, example.meaning);
  }
  return page;
}

std::string files(const CommandModel& command) {
  std::string page = ".SH FILES\n";
  page +=
      tagged("$XDG_CONFIG_HOME/wskit/config.toml, else ~/.config/wskit/config.toml",
             fmt::format("The configuration of all tools; what stands in [{}] is for this one. WSKIT_CONFIG "
                         "names another file.",
                         command.name));
  for (const Section& file : command.files) page += tagged(file.title, file.text);
  return page;
}

std::string see_also(const CommandModel& command) {
  std::string others;
  for (const std::string_view tool : {"wsserve", "wspub", "wstap", "wsbench"}) {
    if (tool != command.name) others += fmt::format("\\fB{}\\fR(1), ", tool);
  }
  return fmt::format(".SH SEE ALSO\n{}\\fBwskit\\fR(7)\n", others);
}

std::string environment(const CommandModel& command) {
  std::string page;
  for (const OptionModel& option : command.options) {
    if (option.environment.empty()) continue;
    const std::string name = option.long_names.empty() ? option.positional : option.long_names.front();
    page += tagged(option.environment, "As " + name + ".");
  }
  return page.empty() ? page : ".SH ENVIRONMENT\n" + page;
}

}  // namespace

std::string man_page(const CommandModel& command, std::string_view version) {
  std::string page = fmt::format(".TH {} 1 \"\" \"wskit {}\" \"wskit\"\n", upper(command.name), version);
  // A name line ends without a full stop, or apropos shows it.
  std::string summary = command.summary.substr(0, command.summary.find(". "));
  if (summary.ends_with('.')) summary.pop_back();
  page += fmt::format(".SH NAME\n{} \\- {}\n", escape(command.name), escape(summary));
  page += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR\n", escape(command.usage()));
  page += fmt::format(".SH DESCRIPTION\n{}\n", escape(command.summary));
  page += ".SH OPTIONS\n" + options(command) + commands(command) + environment(command);
  for (const Section& section : command.sections) {
    page += fmt::format(".SH {}\n{}\n", escape(upper(section.title)), escape(section.text));
  }
  if (!command.exit_codes.empty()) page += ".SH EXIT STATUS\n";
  for (const ExitCodeText& exit : command.exit_codes) page += tagged(std::to_string(exit.code), exit.meaning);
  if (!command.examples.empty()) page += ".SH EXAMPLES\n";
  for (const Example& example : command.examples) page += tagged(example.command, example.meaning);
  return page + files(command) + see_also(command);
}

}  // namespace wskit::cli
