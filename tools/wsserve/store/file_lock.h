// Keeps two servers from writing to one file: SQLite would let them, and both
// would number events.
#pragma once

#include <string>

#include "common/protocol/error.h"

namespace wskit::server::store {

class FileLock {
 public:
  // Locks `path`, made if it is not there and left there when the lock ends. The
  // error says who holds it, or why it cannot be had.
  [[nodiscard]] static protocol::Result<FileLock> acquire(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace wskit::server::store
