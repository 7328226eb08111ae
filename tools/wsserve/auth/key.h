// A key that tokens are checked with, bound to the algorithms that it is for.
//
// Threads: immutable values.
#pragma once

#include <jwt.h>

#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;

namespace wskit::server::auth {

struct Key {
  // As tokens name it (`kid`); empty: only for tokens that name none.
  std::string id;
  // The only ones that it is ever used with, whatever a token says: a public key is
  // never taken for a secret, nor a curve for another.
  std::vector<jwt_alg_t> algorithms;
  // The bytes of a secret, or a public key as PEM.
  std::string material;
  std::shared_ptr<evp_pkey_st> public_key;  // the same, read; null: a secret

  [[nodiscard]] bool fits(jwt_alg_t algorithm) const;

  bool operator==(const Key& other) const {
    return id == other.id && algorithms == other.algorithms && material == other.material;
  }
};

using Keys = std::vector<Key>;

// "3 keys (ES256, HS256/384/512)", for a notice. Nothing of what is secret.
[[nodiscard]] std::string describe(const Keys& keys);

}  // namespace wskit::server::auth
