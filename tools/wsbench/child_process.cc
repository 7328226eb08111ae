#include "wsbench/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "wsbench/affinity.h"

namespace wskit::bench {
namespace {

constexpr off_t kLogTail = 2000;
constexpr int kLookMs = 50;

// In the child, until exec: only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* arguments, const cpu_set_t* cpus, int output, int log, int failure,
                         pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (cpus != nullptr) sched_setaffinity(0, sizeof *cpus, cpus);
  dup2(output, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execvp(arguments[0], arguments);
  const int error = errno;
  if (write(failure, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    out = Descriptor(ends[0]);
    in = Descriptor(ends[1]);
  }
  Descriptor out;
  Descriptor in;
};

}  // namespace

std::vector<std::string> split_command(std::string_view command) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < command.size(); ++at) {
    const char letter = command[at];
    if (quote == 0 && (letter == ' ' || letter == '\t' || letter == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (letter == '\'' || letter == '"')) {
      quote = letter;
    } else if (letter == quote) {
      quote = 0;
    } else if (letter == '\\' && quote != '\'' && at + 1 < command.size()) {
      words.back().push_back(command[++at]);
    } else {
      words.back().push_back(letter);
    }
  }
  if (quote != 0) throw std::invalid_argument(fmt::format("the quote {} is not closed: {}", quote, command));
  return words;
}

ChildProcess::ChildProcess(const std::vector<std::string>& words, const std::vector<int>& cpus)
    : log_(memfd_create("stderr", MFD_CLOEXEC)) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const cpu_set_t set = to_cpu_set(cpus);
  raise_file_limit();
  Pipe output;
  Pipe failure;
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    become(arguments.data(), cpus.empty() ? nullptr : &set, output.in.get(), log_.get(), failure.in.get(),
           parent);
  }
  failure.in.reset();
  output_ = std::move(output.out);
  int error = 0;
  if (read(failure.out.get(), &error, sizeof error) == sizeof error) {
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    throw std::system_error(error, std::generic_category(), "cannot run " + words[0]);
  }
}

ChildProcess::~ChildProcess() { stop(); }

std::optional<std::string> ChildProcess::first_line(Nanos timeout, const std::function<bool()>& go_on) {
  const Nanos deadline = now() + timeout;
  std::string line;
  for (;;) {
    pollfd ready{.fd = output_.get(), .events = POLLIN, .revents = 0};
    if (!go_on()) return std::nullopt;
    if (poll(&ready, 1, kLookMs) <= 0) {
      if (now() < deadline) continue;
      throw std::runtime_error("the server printed no address in time; " + log());
    }
    char letter = 0;
    if (read(output_.get(), &letter, 1) != 1) {
      throw std::runtime_error("the server ended before it printed its address; " + log());
    }
    if (letter == '\n') return line;
    line.push_back(letter);
  }
}

bool ChildProcess::running() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

std::string ChildProcess::log() const {
  struct stat status {};  // not lseek: the child writes where the shared offset is
  fstat(log_.get(), &status);
  const off_t from = std::max<off_t>(0, status.st_size - kLogTail);
  std::string text(static_cast<std::size_t>(status.st_size - from), '\0');
  const ssize_t got = pread(log_.get(), text.data(), text.size(), from);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text.empty() ? "it said nothing on stderr" : "it said: " + text;
}

void ChildProcess::stop(Nanos grace) {
  if (!running()) return;
  kill(pid_, SIGTERM);
  const Nanos deadline = now() + grace;
  while (running() && now() < deadline) {
    const timespec pause = to_timespec(kMillisecond);
    nanosleep(&pause, nullptr);
  }
  if (!running()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace wskit::bench
