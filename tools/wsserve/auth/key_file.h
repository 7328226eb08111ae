// Files with keys, as an operator names them.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/error.h"
#include "wsserve/auth/key.h"

namespace wskit::server::auth {

// `FILE`, or `KID=FILE` for tokens that name their key. What stands before the
// first `=` is the name unless it holds a `/`.
struct KeyFile {
  std::string id;
  std::string path;
};
[[nodiscard]] KeyFile parse_key_file(std::string_view text);

struct LoadedKeys {
  Keys keys;
  std::vector<std::string> warnings;  // a line each
};

// What the file holds, which is small. Errors name it.
[[nodiscard]] protocol::Result<std::string> read_key_file(const std::string& path);
// Whether it is a file that every user of the machine can read.
[[nodiscard]] bool others_may_read(const std::string& path);

// A public key or a certificate as PEM, or a JSON Web Key (Set). Errors name the
// file, what is wrong, and what would be right.
[[nodiscard]] protocol::Result<LoadedKeys> load_public_keys(const KeyFile& file);

// A secret: the bytes of the file without the newline that an editor leaves at its
// end.
[[nodiscard]] protocol::Result<LoadedKeys> load_secret(const KeyFile& file);

}  // namespace wskit::server::auth
