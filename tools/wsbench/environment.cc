#include "wsbench/environment.h"

#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "common/version.h"

namespace wskit::bench {
namespace {

std::string read_cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  constexpr std::string_view kModel = "model name";
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with(kModel) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace

Environment read_environment() {
  Environment environment;
  utsname system{};
  uname(&system);
  environment.kernel = std::string(system.sysname) + " " + system.release;
  environment.cpu_model = read_cpu_model();
  environment.cores = std::thread::hardware_concurrency();
  environment.compiler = compiler();
#ifdef NDEBUG
  environment.build = "release";
#else
  environment.build = "debug";
#endif
  environment.version = WSKIT_VERSION;
  return environment;
}

}  // namespace wskit::bench
