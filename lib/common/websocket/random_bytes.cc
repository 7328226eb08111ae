#include "common/websocket/random_bytes.h"

#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

namespace wskit::websocket {

void fill_with_random(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::system_category(), "getrandom");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace wskit::websocket
