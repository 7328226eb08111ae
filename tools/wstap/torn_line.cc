#include "wstap/torn_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tuple>

namespace wskit::tap {

void end_torn_line(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return;
  if ((::fcntl(fd, F_GETFL) & O_APPEND) == 0) return;
  // `>>` opens the file for writing only.
  const int readable = ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDONLY | O_CLOEXEC);
  if (readable < 0) return;
  char last = '\n';
  std::ignore = ::pread(readable, &last, 1, status.st_size - 1);
  ::close(readable);
  // A disk that is full is told with the first record.
  if (last != '\n') std::ignore = ::write(fd, "\n", 1);
}

}  // namespace wskit::tap
