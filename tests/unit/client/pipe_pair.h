// A pipe whose ends close with the test.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace wskit::testing {

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_reader() { close_end(ends_[0]); }
  void close_writer() { close_end(ends_[1]); }

  // Everything that is in the pipe now.
  [[nodiscard]] std::string read_now() const {
    const int flags = fcntl(ends_[0], F_GETFL);
    fcntl(ends_[0], F_SETFL, flags | O_NONBLOCK);
    std::string text;
    char buffer[65536];
    for (ssize_t count = 0; (count = ::read(ends_[0], buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
    fcntl(ends_[0], F_SETFL, flags);
    return text;
  }

 private:
  static void close_end(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }

  int ends_[2];
};

}  // namespace wskit::testing
