// Keeps two servers from writing to one file: SQLite would let them, and both
// would number events. The lock's own file also holds a line that the holder leaves for
// the next one.
#pragma once

#include <string>
#include <string_view>

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

  // The line that the last holder left; empty: none.
  [[nodiscard]] const std::string& mark() const { return mark_; }
  // Leaves another one, of the same size each time. It survives this process; a
  // failure is not told, for the old one is then as good as none.
  void set_mark(std::string_view mark) const;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::string mark_;
};

}  // namespace wskit::server::store
