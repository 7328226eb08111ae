// The hash of every table whose keys come from outside: names of channels and users,
// event types, keys, dedup ids, addresses.
//
// It is keyed with random bytes of this process, so that nobody who does not see them
// can choose names that collide and make a table a list. The values mean nothing
// outside the process.
//
// Threads: any.
#pragma once

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace wskit {

namespace text_hash {

// As long as the default secret of XXH3, so that every part of it is replaced.
using Secret = std::array<unsigned char, 192>;

// From the kernel's generator, once. Throws std::system_error if there is none.
inline const Secret& secret() {
  static const Secret bytes = [] {
    Secret made{};
    if (::getrandom(made.data(), made.size(), 0) != static_cast<ssize_t>(made.size())) {
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    return made;
  }();
  return bytes;
}

[[nodiscard]] inline std::size_t keyed(std::string_view text, const Secret& secret) {
  return XXH3_64bits_withSecret(text.data(), text.size(), secret.data(), secret.size());
}

}  // namespace text_hash

// For unordered containers of std::string and std::string_view, with std::equal_to<>:
// a std::string_view is looked up without a copy.
struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;  // for Boost's tables, which need not mix its bits
  std::size_t operator()(std::string_view text) const { return text_hash::keyed(text, text_hash::secret()); }
};

}  // namespace wskit
