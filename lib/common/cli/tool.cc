#include "common/cli/tool.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <array>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <exception>
#include <new>
#include <span>
#include <system_error>
#include <tuple>
#include <utility>

#include "common/cli/answer.h"
#include "common/cli/channel_names.h"
#include "common/cli/completion.h"
#include "common/cli/help.h"
#include "common/cli/man_page.h"
#include "common/cli/option_values.h"
#include "common/version.h"

namespace wskit::cli {
namespace {

int code(ExitCode exit) { return static_cast<int>(exit); }

// The subcommand that was typed last, or the tool itself.
const CLI::App& innermost(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

const CommandModel& find_command(const CommandModel& model, const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return model;
  const CommandModel& above = find_command(model, *parent);
  const auto found = std::find_if(above.subcommands.begin(), above.subcommands.end(),
                                  [&](const CommandModel& sub) { return sub.name == app.get_name(); });
  return found == above.subcommands.end() ? above : *found;
}

std::vector<std::string> option_names(const CommandModel& command) {
  std::vector<std::string> names;
  for (const OptionModel& option : command.options) {
    names.insert(names.end(), option.long_names.begin(), option.long_names.end());
  }
  return names;
}

bool takes_value(const CLI::App& app, const std::string& option) {
  const CLI::Option* found = app.get_option_no_throw(option);
  if (found != nullptr) return found->get_items_expected_max() > 0;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  return std::ranges::any_of(commands, [&](const CLI::App* each) { return takes_value(*each, option); });
}

// Of an option that takes one value the last one holds, as in every tool: an alias or a
// script adds to what is there.
void let_the_last_one_win(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 1 &&
        option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    let_the_last_one_win(*command);
  }
}

// As CLI::App::parse(), which takes the next word for the value of `--journal=`: here
// it is the empty text.
void parse_words(CLI::App& app, int argc, const char* const* argv) {
  let_the_last_one_win(app);
  std::deque<std::string> names;  // whose places stay
  std::vector<const char*> words;
  bool are_options = true;
  for (const std::string_view word : std::span(argv, static_cast<std::size_t>(argc))) {
    are_options = are_options && word != "--";
    const bool is_empty = are_options && word.starts_with("--") && word.find('=') + 1 == word.size();
    if (is_empty && takes_value(app, std::string(word.substr(0, word.size() - 1)))) {
      words.push_back(names.emplace_back(word.substr(0, word.size() - 1)).c_str());
      words.push_back("");
    } else {
      words.push_back(word.data());
    }
  }
  app.parse(static_cast<int>(words.size()), words.data());
}

// What people type who know other tools, and what they mean here: of the first row
// whose option the command has.
struct Habit {
  std::string_view typed;
  const char* option;  // of this command
  std::string_view remedy;
};
constexpr std::string_view kAddress = "the address goes into --url, or WSKIT_URL: -u ws://HOST:PORT";
constexpr std::string_view kListen = "where to listen is one option: --listen HOST:PORT";
constexpr Habit kHabits[] = {
    {"-p", "--listen", kListen},
    {"-p", "--url", kAddress},
    {"--port", "--listen", kListen},
    {"--port", "--url", kAddress},
    {"--host", "--listen", kListen},
    {"--host", "--url", kAddress},
    {"--bind", "--listen", kListen},
    {"--server", "--url", kAddress},
    {"-s", "--url", kAddress},
    {"-b", "--listen", kListen},
    {"--since", "--from", "did you mean '--from'?"},
    {"--tail", "--from", "did you mean '--from'? --from -10 begins ten events back"},
    {"--lines", "--from", "did you mean '--from'? --from -10 begins ten events back"},
    {"--since", "--replay", "publishing has no since; wstap --from reads what was"},
    {"-f", "--config", "did you mean '--config'?"},
    {"-f", "--from", "to follow is what wstap does, until it is told to end; '--from' says where it begins"},
    {"-f", "--follow",
     "a file is given by its name alone, and '--follow' goes on with what is appended to it"},
    {"--topic", "--channel", "did you mean '--channel'?"},
    {"--subject", "--channel", "did you mean '--channel'?"},
    {"--json", "--output", "did you mean '--output json'?"},
    {"--format", "--output", "did you mean '--output'?"},
    {"-d", "--config", "it runs in the foreground; systemd or '&' put it into the background"},
    {"--daemon", "--config", "it runs in the foreground; systemd or '&' put it into the background"},
};

std::string remedy_of_habit(const CLI::App& app, std::string_view typed) {
  for (const Habit& habit : kHabits) {
    if (habit.typed == typed && app.get_option_no_throw(habit.option) != nullptr)
      return std::string(habit.remedy);
  }
  return {};
}

// The option's name as it was typed: `-p` of `-p9000`, `--port` of `--port=9000`.
std::string typed_name(const std::string& word) {
  return word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
}

// The process ends by `signal`, as if it had never been caught; returns only if
// the signal is blocked.
void end_by_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal);
}

// What helps where the machine, and no fault of ours, refused a thread, a descriptor or
// memory; null: it was something else.
const char* remedy_for(const std::exception& error) {
  int code = 0;
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) code = system->code().value();
  if (const auto* system = dynamic_cast<const boost::system::system_error*>(&error)) {
    code = system->code().value();
  }
  switch (code) {
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n, or LimitNOFILE= of a unit)";
    case EAGAIN:
      return "raise the limit on threads (ulimit -u, or TasksMax= of a unit)";
    case ENOMEM:
    case ENOBUFS:
      return "there is too little memory for it";
    default:
      return nullptr;
  }
}

std::string_view terminating_tool;

// An exception that nobody can catch (out of a thread, or out of a destructor) ends the
// process with a line and 70. Takes no memory.
[[noreturn]] void end_for_exception() noexcept {
  const std::exception_ptr thrown = std::current_exception();
  if (thrown == nullptr) std::abort();
  std::string_view what = ": a bug: an exception that nobody caught\n";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    what = ": out of memory\n";
  } catch (...) {
  }
  for (const std::string_view part : {terminating_tool, what}) {
    std::ignore = ::write(STDERR_FILENO, part.data(), part.size());
  }
  ::_exit(static_cast<int>(ExitCode::kBug));
}

// What is opened where a standard stream is closed (`<&-`) would be taken for it: a
// socket would be read as the input, a notice written into a journal. With these in
// their place, to read or to write is refused as on a closed one.
void fill_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) std::ignore = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

Tool::Tool(std::string name, std::string summary)
    : app_(std::move(summary), name),
      notices_(name),
      exit_codes_{{0, "done"},
                  {1, "ran, and the answer is no"},
                  {2, "usage or configuration"},
                  {3, "cannot reach the server"},
                  {4, "refused by the server"},
                  {5, "timed out"},
                  {6, "connection lost and retries used up"},
                  {7, "integrity: a gap, unacknowledged lines"},
                  {8, "local input or output"},
                  {70, "a bug"}} {
  app_.set_help_flag("-h", "Usage and examples")->group(kGeneralGroup);
  app_.set_help_all_flag("--help", "All options")->group(kGeneralGroup);
  app_.set_version_flag("-V,--version", name + " " + WSKIT_VERSION, "The version")->group(kGeneralGroup);
  app_.option_defaults()->group(kGeneralGroup);
  add_general_options();
}

Tool::~Tool() = default;

void Tool::add_general_options() {
  app_.add_flag("-q,--quiet", notice_options_.quiet, "No notices on stderr; -qq: no errors either");
  app_.add_flag("-v,--verbose", notice_options_.verbose, "Log lines on stderr; -vv: more of them");
  add_choice(app_, "--color", notice_options_.color,
             {{"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}},
             "Colours: auto is for terminals, unless NO_COLOR is set or TERM is dumb");
  add_choice(app_, "--log-format", notice_options_.format,
             {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}, "Notices as lines of text or of JSON");
  add_text(app_, "--profile", profile_, "NAME", "Take values from [profile.NAME] of the configuration file",
           Empty::kAllowed)
      ->envname("WSKIT_PROFILE")
      ->configurable(false);
  app_.add_flag("--print-config", print_config_, "Show each effective value and where it came from, and end")
      ->configurable(false);
  add_text(app_, "--generate", generate_, "man|complete-bash|complete-zsh|complete-fish",
           "Print a manual page or a completion script, and end")
      ->configurable(false);
}

void Tool::add_example(std::string command, std::string meaning) {
  add_example(app_, std::move(command), std::move(meaning));
}

void Tool::add_example(const CLI::App& subcommand, std::string command, std::string meaning) {
  examples_[&subcommand].push_back({std::move(command), std::move(meaning)});
}

void Tool::add_section(std::string title, std::string text) {
  sections_.push_back({std::move(title), std::move(text)});
}

void Tool::add_file(std::string path, std::string meaning) {
  files_.push_back({std::move(path), std::move(meaning)});
}

void Tool::add_own_config(std::vector<ConfigTables> tables,
                          std::function<std::vector<std::string>()> problems) {
  config_tables_ = std::move(tables);
  problems_ = std::move(problems);
  add_text(app_, "--config", own_config_, "FILE",
           "The configuration: what the options say, and channel rules; read again on SIGHUP")
      ->group("Running")
      ->configurable(false);
  app_.add_flag("--check-config", check_config_,
                "Say everything that is wrong with the configuration, and end")
      ->group("Running")
      ->configurable(false);
}

void Tool::suggest(const std::string& option, std::vector<std::string> words) {
  suggestions_[option] = std::move(words);
}

void Tool::describe_exit_code(int exit, std::string meaning) {
  if (meaning.empty()) {
    exit_codes_.erase(exit);
  } else {
    exit_codes_[exit] = std::move(meaning);
  }
}

void Tool::fill_in(CommandModel& model, const CLI::App& app) const {
  if (const auto found = examples_.find(&app); found != examples_.end()) model.examples = found->second;
  for (const auto& [exit, meaning] : exit_codes_) model.exit_codes.push_back({exit, meaning});
  for (CommandModel& subcommand : model.subcommands) {
    fill_in(subcommand, *app.get_subcommand(subcommand.name));
  }
}

CommandModel Tool::model() const {
  CommandModel model = describe(app_);
  fill_in(model, app_);
  model.sections = sections_;
  model.files = files_;
  model.asks_for_channels = channels_of_ != nullptr;
  for (OptionModel& option : model.options) {
    for (const std::string& name : option.long_names) {
      if (const auto found = suggestions_.find(name); found != suggestions_.end())
        option.suggestions = found->second;
    }
  }
  return model;
}

int Tool::answer(std::string_view text) {
  const int error = print_answer(text);
  if (error == 0) return code(ExitCode::kOk);
  notices_.error("cannot write to stdout: {}", std::generic_category().message(error));
  return code(ExitCode::kLocalIo);
}

int Tool::answer_help(bool full) {
  const CommandModel all = model();
  const CommandModel& command = find_command(all, innermost(app_));
  const auto width = static_cast<std::size_t>(std::clamp(terminal_width(STDOUT_FILENO), 60, 100));
  const HelpStyle style{use_color(ColorMode::kAuto, STDOUT_FILENO), width};
  return answer(full ? full_help(command, style) : short_help(command, style));
}

// One line that names the fault and the remedy.
int Tool::refuse(const CLI::ParseError& error) {
  std::string message = error.what();
  const CommandModel all = model();
  const CommandModel& command = find_command(all, innermost(app_));
  const std::vector<std::string> extras = app_.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !extras.empty()) {
    const auto option = std::find_if(extras.begin(), extras.end(),
                                     [](const std::string& extra) { return extra.starts_with('-'); });
    if (option != extras.end()) {
      const std::string name = typed_name(*option);
      const std::string habit = remedy_of_habit(innermost(app_), name);
      const std::string near = habit.empty() ? nearest(name, option_names(command)) : "";
      message = !habit.empty() ? fmt::format("unknown option '{}'; {}", name, habit)
                : near.empty()
                    ? fmt::format("unknown option '{}'; '{} --help' lists them", name, command.path)
                    : fmt::format("unknown option '{}'; did you mean '{}'?", name, near);
    } else {
      message = fmt::format("unexpected argument '{}'; see '{} -h'", extras.front(), command.path);
    }
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
             message.find(" required ") != std::string::npos) {
    message = fmt::format("{} needs a value", message.substr(0, message.find(':')));
  }
  notices_.error("{}", message);
  return code(ExitCode::kUsage);
}

std::optional<int> Tool::parse(int argc, const char* const* argv) {
  try {
    parse_words(app_, argc, argv);
  } catch (const CLI::CallForAllHelp&) {
    return answer_help(true);
  } catch (const CLI::CallForHelp&) {
    return answer_help(false);
  } catch (const CLI::CallForVersion& version) {
    return answer(std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    return refuse(error);
  }
  return answer_requests();
}

int Tool::generate() {
  const CommandModel all = model();
  if (generate_ == "man") return answer(man_page(all, WSKIT_VERSION));
  if (generate_ == "complete-bash") return answer(bash_completion(all));
  if (generate_ == "complete-zsh") return answer(zsh_completion(all));
  if (generate_ == "complete-fish") return answer(fish_completion(all));
  notices_.error("--generate: '{}' is not one of man|complete-bash|complete-zsh|complete-fish", generate_);
  return code(ExitCode::kUsage);
}

std::optional<int> Tool::answer_requests() {
  if (!generate_.empty()) return generate();
  const std::vector<std::string> faults = configure();
  for (const std::string& fault : faults) notices_.error("{}", fault);
  if (!faults.empty()) return code(ExitCode::kUsage);
  if (print_config_) {
    const std::string file = configuration_.file.string();
    const std::string head = file.empty() ? "# no configuration file\n" : fmt::format("# {}\n", file);
    return answer(head + print_config(app_, configuration_, problems_ ? "" : app_.get_name()));
  }
  if (check_config_) return answer_check();
  return std::nullopt;
}

std::vector<std::string> Tool::configure() {
  const std::vector<CLI::Option*>& typed = app_.parse_order();
  if (!own_config_.empty() && std::ranges::find(typed, app_.get_option("--profile")) != typed.end()) {
    return {"--profile chooses from the file for all tools, but --config names a file for this one only"};
  }
  ConfigChoice choice{.own_file = std::nullopt, .profile = profile_};
  if (!own_config_.empty()) choice.own_file = own_config_;
  configuration_ = apply_config(app_, choice, config_tables_);
  std::vector<std::string> faults;
  for (const ConfigError& error : configuration_.errors) faults.push_back(error.text());
  if (problems_) {
    for (std::string& problem : problems_()) faults.push_back(std::move(problem));
  }
  return faults;
}

int Tool::answer_check() {
  const std::string file = configuration_.file.string();
  return answer(file.empty() ? "ok: there is no configuration file\n" : fmt::format("{}: ok\n", file));
}

int Tool::complete(int argc, const char* const* argv) {
  constexpr std::array kWithValue{"-u", "--url",    "--profile", "--token", "--token-file",
                                  "-H", "--header", "--cacert",  "--cert",  "--key-file"};
  constexpr std::chrono::seconds kLimit{1};
  const std::vector<std::string> words(argv + 3, argv + argc);
  std::string text;
  if (argv[2] == std::string_view("profiles")) {
    for (const std::string& name : profile_names()) text += name + "\n";
    return answer(text);
  }
  if (argv[2] != std::string_view("channels") || channels_of_ == nullptr || words.empty()) return 0;
  // What says which server, and as whom.
  std::vector<std::string> kept{app_.get_name()};
  const auto unquoted = [](std::string word) {
    if (word.size() > 1 && (word.front() == '\'' || word.front() == '"') && word.back() == word.front()) {
      word = word.substr(1, word.size() - 2);
    }
    return word;
  };
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    const std::string name = words[at].substr(0, words[at].find('='));
    const bool known = std::ranges::find(kWithValue, name) != kWithValue.end();
    if (words[at] == "--insecure" || (known && name.size() < words[at].size())) kept.push_back(words[at]);
    if (!known || name.size() < words[at].size() || at + 2 >= words.size()) continue;
    kept.push_back(name);
    kept.push_back(unquoted(words[++at]));
  }
  std::vector<const char*> arguments;
  for (const std::string& word : kept) arguments.push_back(word.c_str());
  if (!read(static_cast<int>(arguments.size()), arguments.data()).empty()) return 0;
  for (const std::string& name : channel_names(*channels_of_, words.back(), kLimit)) text += name + "\n";
  return answer(text);
}

std::vector<std::string> Tool::read(int argc, const char* const* argv) {
  try {
    parse_words(app_, argc, argv);
  } catch (const CLI::ParseError& error) {
    return {error.what()};
  }
  return configure();
}

std::string Tool::origin(const CLI::App& app, const std::string& option) const {
  const auto found = configuration_.origins.find(app.get_option(option));
  if (found == configuration_.origins.end()) return "default";
  return found->second.kind == Origin::Kind::kFile ? found->second.place.text() : found->second.text();
}

int Tool::main(int argc, const char* const* argv, const std::function<Outcome()>& run) {
  fill_closed_streams();
  terminating_tool = app_.get_name();
  std::set_terminate(end_for_exception);
  // Before anything is written: a reader of the help that has gone is no fault either.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  if (argc > 2 && argv[1] == std::string_view("--complete")) return complete(argc, argv);
  if (const std::optional<int> early = parse(argc, argv)) return *early;
  notices_.configure(notice_options_);
  Outcome outcome;
  try {
    outcome = run();
  } catch (const UsageError& error) {
    notices_.error("{}", error.what());
    outcome.code = ExitCode::kUsage;
  } catch (const std::bad_alloc&) {
    notices_.error("out of memory: give it more, or less to hold");
    outcome.code = ExitCode::kBug;
  } catch (const std::exception& error) {
    const char* remedy = remedy_for(error);
    if (remedy != nullptr) {
      notices_.error("the machine refuses what is needed: {}; {}", error.what(), remedy);
      outcome.code = ExitCode::kLocalIo;
    } else {
      notices_.error("a bug: {}", error.what());
      outcome.code = ExitCode::kBug;
    }
  }
  notices_.set_status({});
  if (outcome.signal != 0) {
    end_by_signal(outcome.signal);
    return 128 + outcome.signal;
  }
  return code(outcome.code);
}

}  // namespace wskit::cli
