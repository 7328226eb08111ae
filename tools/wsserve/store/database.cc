#include "wsserve/store/database.h"

#include <fmt/format.h>

#include <system_error>

namespace wskit::server::store {
namespace {

// How long a statement waits for another program that writes to the file.
constexpr int kBusyMilliseconds = 5'000;
// And a checkpoint for one that reads: so long do events wait for it.
constexpr int kCheckpointMilliseconds = 10;

// The system's error behind SQLite's last one; 0 if it is not known.
int system_error(sqlite3* database) {
  if (const int error = sqlite3_system_errno(database); error != 0) return error;
  // Each open file keeps its own: the write-ahead log, then the database.
  sqlite3_file* log = nullptr;
  int error = 0;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  if (error == 0) sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

}  // namespace

Database::Database(const std::string& path, Access access) {
  const int flags =
      access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  // Each connection has one thread at a time, so SQLite need not lock it.
  if (sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    const SqlError failure = handle_ != nullptr ? error() : SqlError(SQLITE_NOMEM, "out of memory");
    sqlite3_close(handle_);
    throw failure;
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
  // In the place of SQLite's own checkpoints.
  sqlite3_wal_hook(
      handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Database::~Database() { sqlite3_close(handle_); }

SqlError Database::error() const {
  std::string message = sqlite3_errmsg(handle_);
  const int code = sqlite3_extended_errcode(handle_);
  const int primary = code & 0xFF;
  if (primary != SQLITE_IOERR && primary != SQLITE_FULL && primary != SQLITE_CANTOPEN) return {code, message};
  if (const int system = system_error(handle_); system != 0) {
    message += fmt::format(" ({})", std::generic_category().message(system));
  }
  return {code, message};
}

void Database::exec(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw error();
}

std::int64_t Database::number(const std::string& sql) {
  Statement query(*this, sql);
  return query.step() ? query.number(0) : 0;
}

std::string Database::text(const std::string& sql) {
  Statement query(*this, sql);
  return query.step() ? std::string(query.text(0)) : std::string();
}

void Database::rollback() {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Backfill Database::checkpoint(Checkpoint mode) {
  const int sqlite_mode = mode == Checkpoint::kPassive   ? SQLITE_CHECKPOINT_PASSIVE
                          : mode == Checkpoint::kRestart ? SQLITE_CHECKPOINT_RESTART
                                                         : SQLITE_CHECKPOINT_TRUNCATE;
  sqlite3_busy_timeout(handle_, kCheckpointMilliseconds);
  Backfill backfill;
  int written = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, sqlite_mode, &backfill.log, &written);
  const SqlError failure = error();
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) throw failure;
  backfill.complete = code == SQLITE_OK && written >= backfill.log;
  // Busy before it had looked: then the log is not known.
  if (backfill.log >= 0) wal_pages_ = backfill.log;
  backfill.log = wal_pages_;
  return backfill;
}

void Database::keep_log(bool keep) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  if (sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK) {
    throw database.error();
  }
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(int parameter, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, parameter, value) != SQLITE_OK) throw database_.error();
}

void Statement::bind(int parameter, std::string_view value) {
  // A null pointer would bind NULL instead of an empty text.
  const char* text = value.data() != nullptr ? value.data() : "";
  // The text stays where it is until the statement has run, so no copy is made.
  if (sqlite3_bind_text64(statement_, parameter, text, value.size(), nullptr, SQLITE_UTF8) != SQLITE_OK) {
    throw database_.error();
  }
}

void Statement::bind_null(int parameter) {
  if (sqlite3_bind_null(statement_, parameter) != SQLITE_OK) throw database_.error();
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  const SqlError failure = database_.error();
  sqlite3_reset(statement_);
  throw failure;
}

void Statement::reset() { sqlite3_reset(statement_); }

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::text(int column) const {
  // The pointer first: asking for it may convert the value and change its size.
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

}  // namespace wskit::server::store
