#include "wsserve/auth/key.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/text.h"

namespace wskit::server::auth {

bool Key::fits(jwt_alg_t algorithm) const {
  return std::ranges::find(algorithms, algorithm) != algorithms.end();
}

std::string describe(const Keys& keys) {
  std::set<std::string> algorithms;
  for (const Key& key : keys) {
    for (const jwt_alg_t algorithm : key.algorithms) algorithms.insert(jwt_alg_str(algorithm));
  }
  return fmt::format("{} ({})", counted(keys.size(), "key"), fmt::join(algorithms, ", "));
}

}  // namespace wskit::server::auth
