// SQLite as the store uses it: a connection and its prepared statements, which
// throw SqlError. Whoever owns the transaction catches it; nothing of this leaves
// the store.
//
// Threads: one connection and its statements, one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace wskit::server::store {

class SqlError : public std::runtime_error {
 public:
  SqlError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  // SQLite's primary result code.
  [[nodiscard]] int code() const { return code_ & 0xFF; }

 private:
  int code_;
};

enum class Checkpoint : std::uint8_t {
  kPassive,   // writes back what no reader still needs
  kRestart,   // waits a little for readers, so that the log can begin anew
  kTruncate,  // and leaves an empty log
};

// What came of a checkpoint.
struct Backfill {
  bool complete = true;  // false: others were in the way of all that was asked for
  int log = 0;           // pages in the log
};

enum class Access : std::uint8_t { kReadWrite, kReadOnly };

class Database {
 public:
  Database(const std::string& path, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void exec(const std::string& sql);
  // The first value that a query answers with; 0 or "" if there is none.
  [[nodiscard]] std::int64_t number(const std::string& sql);
  [[nodiscard]] std::string text(const std::string& sql);

  // Ends a transaction that failed, if one is still open. Throws nothing.
  void rollback();

  // The pages in the write-ahead log after the last commit of this connection, or its
  // last checkpoint.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  // Writes the write-ahead log back to the database, as far as others are not in the
  // way, for whom it waits some milliseconds.
  Backfill checkpoint(Checkpoint mode);
  // Whether the last connection to be closed leaves the log as it is.
  void keep_log(bool keep);

  // The error that the last call left, with the system's own words.
  [[nodiscard]] SqlError error() const;
  [[nodiscard]] sqlite3* handle() { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
  int wal_pages_ = 0;
};

// A prepared statement. What is bound stays bound, and bound text must live until
// the statement has run.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view value);
  void bind_null(int parameter);

  // True while there is a row; then columns may be read. After the last one, or a
  // failure, the statement is ready to run again.
  [[nodiscard]] bool step();
  // Ends a query before its last row.
  void reset();
  // For statements that answer with nothing.
  void run();

  [[nodiscard]] std::int64_t number(int column) const;
  // Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace wskit::server::store
