// A key that tokens are checked with, bound to the algorithms that it is for.
//
// Threads: immutable values.
#pragma once

#include <jwt.h>

#include <string>
#include <vector>

namespace wskit::server::auth {

struct Key {
  // As tokens name it (`kid`); empty: only for tokens that name none.
  std::string id;
  // The only ones that it is ever used with, whatever a token says: a public key is
  // never taken for a secret, nor a curve for another.
  std::vector<jwt_alg_t> algorithms;
  // What libjwt takes: the bytes of a secret, or a public key as PEM.
  std::string material;

  [[nodiscard]] bool fits(jwt_alg_t algorithm) const;

  bool operator==(const Key&) const = default;
};

using Keys = std::vector<Key>;

// "3 keys (ES256, HS256/384/512)", for a notice. Nothing of what is secret.
[[nodiscard]] std::string describe(const Keys& keys);

}  // namespace wskit::server::auth
