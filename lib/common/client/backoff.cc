#include "common/client/backoff.h"

#include <algorithm>

namespace wskit::client {

std::chrono::nanoseconds Backoff::next() {
  std::chrono::nanoseconds limit = std::min(range_.first, range_.cap);
  for (std::uint64_t i = 0; i < attempts_ && limit < range_.cap; ++i) {
    limit = limit > range_.cap / 2 ? range_.cap : limit * 2;
  }
  ++attempts_;
  return std::chrono::nanoseconds{
      std::uniform_int_distribution<std::chrono::nanoseconds::rep>{0, limit.count()}(random_)};
}

}  // namespace wskit::client
