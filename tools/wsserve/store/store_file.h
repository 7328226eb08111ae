// The store's files as the system sees them: locked against other servers under
// whatever name, and watched, for SQLite does not notice that a file which it has open
// was removed, replaced or cut off, and goes on to write where nobody will read.
//
// Threads: open the opening thread's, then the writer's alone.
#pragma once

#include <cstdint>
#include <string>

#include "common/protocol/error.h"
#include "wsserve/store/database.h"
#include "wsserve/store/file_lock.h"
#include "wsserve/store/log_file.h"

namespace wskit::server::store {

class StoreFile {
 public:
  // Makes the file where there is none. The error says who has it, or what is wrong
  // with it. REQUIRES: no SQLite connection of this process is open to it, nor is one
  // when the value is destroyed, for that gives up its locks.
  [[nodiscard]] static protocol::Result<StoreFile> open(const std::string& path);
  StoreFile(StoreFile&& other) noexcept;
  StoreFile& operator=(StoreFile&& other) noexcept;
  ~StoreFile();

  // Whether the log that the last server left has all that this one acknowledged,
  // by its mark; where there is none, by what can be seen. `running`: the last server
  // did not say that it closed the file.
  [[nodiscard]] bool has_whole_log(bool running) const;

  // From now on the log is watched, too. REQUIRES: something was written.
  void watch(Database& database);

  // Whether all is still what and where it was: before something is written. Throws
  // SqlError with a sentence that says what happened.
  void check(Database& database);
  // The same after a commit, before anybody hears of it; also notes how far the log
  // has come. What this throws is never mended: check() throws it from then on.
  void confirm(Database& database);
  // Notes that all is in the database and there is no log.
  void note_closed();

 private:
  StoreFile(std::string path, FileLock lock, int descriptor);
  void check_database(Database& database);
  void check_log(Database& database);
  void note_commit(Database& database);
  // The size of what the path leads to, which is what is open.
  [[nodiscard]] static std::uint64_t expect_same(const std::string& path, int descriptor);

  std::string path_;
  FileLock lock_;
  int descriptor_ = -1;  // of the database
  int log_ = -1;
  LogScan found_;  // when it was opened
  std::uint64_t page_bytes_ = 0;
  std::uint64_t least_bytes_ = 0;  // of the database
  LogMark mark_;                   // as it stands in the lock's file
  std::string lost_;               // not empty: why nothing may be written any more
};

}  // namespace wskit::server::store
