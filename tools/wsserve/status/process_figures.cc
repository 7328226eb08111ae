#include "wsserve/status/process_figures.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace wskit::server {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The fields of /proc/self/stat from the third on (proc(5)): the second one, the
// program's name, may hold anything.
std::vector<std::string> stat_fields() {
  const std::string stat = read_file("/proc/self/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(stat.substr(name_end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

double boot_seconds() {
  std::istringstream lines(read_file("/proc/stat"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

std::uint64_t count_descriptors() {
  constexpr const char* kFolder = "/proc/self/fd";
  // From Linux 6.2 on the folder's size says it; before, it has to be read.
  struct stat folder {};
  if (::stat(kFolder, &folder) == 0 && folder.st_size > 0) return static_cast<std::uint64_t>(folder.st_size);
  std::error_code error;
  const std::filesystem::directory_iterator entries(kFolder, error);
  if (error) return 0;
  // One of them reads the folder.
  return static_cast<std::uint64_t>(std::distance(begin(entries), end(entries))) - 1;
}

}  // namespace

std::optional<ProcessFigures> read_process_figures() {
  // Their numbers in proc(5) are two more, and begin with 1.
  enum Field : std::size_t {
    kUserTime = 11,
    kSystemTime = 12,
    kThreads = 17,
    kStart = 19,
    kVirtual = 20,
    kResident = 21
  };
  const std::vector<std::string> fields = stat_fields();
  if (fields.size() <= kResident) return std::nullopt;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessFigures figures;
  figures.cpu_seconds = (std::stod(fields[kUserTime]) + std::stod(fields[kSystemTime])) / ticks;
  figures.start_seconds = boot_seconds() + std::stod(fields[kStart]) / ticks;
  figures.threads = std::stoull(fields[kThreads]);
  figures.virtual_bytes = std::stoull(fields[kVirtual]);
  figures.resident_bytes =
      std::stoull(fields[kResident]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  figures.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_descriptors = limit.rlim_cur;
  return figures;
}

}  // namespace wskit::server
