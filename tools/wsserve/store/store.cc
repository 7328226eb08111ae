#include "wsserve/store/store.h"

#include <fmt/format.h>

#include <filesystem>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "common/text_hash.h"
#include "wsserve/loop/age_clock.h"
#include "wsserve/store/append_queue.h"
#include "wsserve/store/reader.h"
#include "wsserve/store/row_id.h"
#include "wsserve/store/schema.h"
#include "wsserve/store/store_file.h"
#include "wsserve/store/trimmer.h"
#include "wsserve/store/writer.h"

namespace wskit::server::store {
namespace {

namespace fs = std::filesystem;

Retention keep_all(std::string_view) { return {.history = kNoHistoryLimits, .dedup = {}}; }

std::uint64_t bytes_of(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

protocol::Error refuse(const std::string& path, std::string_view reason) {
  return {protocol::ErrorCode::kUnavailable, fmt::format("cannot use the store {}: {}", path, reason), ""};
}

// What is wrong with the path, or nothing.
std::string check_path(const std::string& path) {
  std::error_code ignored;
  if (path.empty()) return "it has no name: name a file";
  if (fs::is_directory(path, ignored)) return "it is a folder: name a file";
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    return fmt::format("there is no folder {}: make it first", folder.string());
  }
  return {};
}

// What SQLite says, with what to do about it.
std::string remedy_for(const SqlError& error, const std::string& path) {
  switch (error.code()) {
    case SQLITE_NOTADB:
      return "it is no SQLite database: name another file";
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return fmt::format("{}: let this user write the file and its folder", error.what());
    case SQLITE_CORRUPT:
      return fmt::format("{}: restore a backup, or save what can be read with sqlite3 {} .recover",
                         error.what(), path);
    case SQLITE_FULL:
      return fmt::format("{}: make room on the disk", error.what());
    case SQLITE_BUSY:
      return fmt::format("{}: another program is writing to it; end it first", error.what());
    default:
      return error.what();
  }
}

}  // namespace

class Store::Impl {
 public:
  Impl(Options options, StoreFile file)
      : options_(std::move(options)),
        file_(std::move(file)),
        ages_(options_.even_clock),
        database_(options_.path, Access::kReadWrite),
        queue_(options_.max_queued_bytes) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Throws SqlError or RefusedFile.
  void open();
  void start(Callbacks callbacks);
  void stop();

  StoredChannel& channel(std::string_view name, const Retention& retention, std::string_view epoch);
  void forget(const StoredChannel& channel);
  std::vector<StoredChannel*> channels() const;
  std::vector<RecentId> take_recent_ids(StoredChannel& channel);
  std::optional<Ticket> append(Record record);
  std::optional<Ticket> append_together(std::vector<Record> records);
  Status status() const;

  [[nodiscard]] const AppendQueue& queue() const { return queue_; }
  [[nodiscard]] Reader& reader() { return *reader_; }

 private:
  // The store's clock, which sees to it that the ages know of its jumps.
  [[nodiscard]] std::function<protocol::SystemMicros()> clock() {
    return [this] {
      const protocol::SystemMicros now = options_.clock();
      ages_.look(now);
      return now;
    };
  }
  bool number(StoredChannel& channel);
  // Whether there is a number for the channel and for the event.
  bool takes(const Record& record);

  const Options options_;
  StoreFile file_;  // outlives the connections
  AgeClock ages_;
  Database database_;
  AppendQueue queue_;
  std::unique_ptr<Trimmer> trimmer_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  bool stopped_ = false;
  std::atomic<std::int64_t> last_channel_id_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_. The keys are the channels' own names.
  std::unordered_map<std::string_view, std::unique_ptr<StoredChannel>, TextHash, std::equal_to<>> channels_;
  std::unordered_map<const StoredChannel*, std::vector<RecentId>> recent_ids_;
};

void Store::Impl::open() {
  // Who the file belongs to is noted durably, however the events are written.
  set_sync(database_, Sync::kFull);
  prepare_file(database_);
  database_.exec("BEGIN IMMEDIATE");
  const LastRun last = begin_run(database_, options_.sync);
  if (last.unflushed || !file_.has_whole_log(!last.closed)) renew_epochs(database_, options_.make_epoch);
  database_.exec("COMMIT");
  // From here on a log that is missing is missed: the database itself says that it has one.
  database_.keep_log(true);
  database_.checkpoint(Checkpoint::kPassive);
  file_.watch(database_);
  database_.exec("PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864");
  set_sync(database_, options_.sync);

  trimmer_ = std::make_unique<Trimmer>(database_, ages_);
  writer_ = std::make_unique<Writer>(database_, file_, queue_, *trimmer_, clock());
  reader_ = std::make_unique<Reader>(options_.path);
  const protocol::SystemMicros now = clock()();
  KnownChannels known = load_channels(database_, options_.retention_for);
  last_channel_id_ = known.last_id;
  for (auto& channel : known.channels) {
    if (auto ids = load_recent_ids(database_, *channel, now); !ids.empty()) {
      recent_ids_.emplace(channel.get(), std::move(ids));
    }
    trimmer_->add(*channel);
    trimmer_->advance(*channel, now);
    const std::string_view name = channel->name();
    channels_.emplace(name, std::move(channel));
  }
}

void Store::Impl::start(Callbacks callbacks) {
  reader_->start(callbacks.remark, callbacks.caught);
  writer_->start(std::move(callbacks));
}

void Store::Impl::stop() {
  if (std::exchange(stopped_, true)) return;
  if (reader_ != nullptr) reader_->stop();
  if (writer_ == nullptr) return;
  writer_->stop();
  // Whatever fails here has failed before and was told, or is mended by the next
  // start: what was acknowledged is in the write-ahead log.
  try {
    if (!queue_.accepting()) return;
    file_.check(database_);
    set_sync(database_, Sync::kFull);
    end_run(database_);
    file_.note_closed();
    database_.checkpoint(Checkpoint::kTruncate);
    database_.keep_log(false);
  } catch (const std::exception&) {
    database_.rollback();
  }
}

StoredChannel& Store::Impl::channel(std::string_view name, const Retention& retention,
                                    std::string_view epoch) {
  const std::lock_guard lock(mutex_);
  if (const auto known = channels_.find(name); known != channels_.end()) {
    known->second->set_retention(retention);
    return *known->second;
  }
  auto made = std::make_unique<StoredChannel>(std::string(name), std::string(epoch), retention);
  const std::string_view key = made->name();
  return *channels_.emplace(key, std::move(made)).first->second;
}

void Store::Impl::forget(const StoredChannel& channel) {
  const std::lock_guard lock(mutex_);
  channels_.erase(channels_.find(channel.name()));
}

std::vector<StoredChannel*> Store::Impl::channels() const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredChannel*> all;
  all.reserve(channels_.size());
  for (const auto& [name, channel] : channels_) all.push_back(channel.get());
  return all;
}

std::vector<RecentId> Store::Impl::take_recent_ids(StoredChannel& channel) {
  const std::lock_guard lock(mutex_);
  const auto ids = recent_ids_.extract(&channel);
  return ids.empty() ? std::vector<RecentId>() : std::move(ids.mapped());
}

// Gives a new channel its number; false if all are used up.
bool Store::Impl::number(StoredChannel& channel) {
  if (channel.id() != 0) return true;
  if (last_channel_id_.load(std::memory_order_relaxed) >= kMaxChannelId) return false;
  channel.set_id(++last_channel_id_);
  return channel.id() <= kMaxChannelId;
}

bool Store::Impl::takes(const Record& record) {
  return number(*record.channel) && record.frame->event.offset <= kMaxOffset;
}

std::optional<Ticket> Store::Impl::append(Record record) {
  if (!takes(record)) return std::nullopt;
  return queue_.append(std::move(record));
}

std::optional<Ticket> Store::Impl::append_together(std::vector<Record> records) {
  for (Record& record : records) {
    if (!takes(record)) return std::nullopt;
    record.with_next = &record != &records.back();
  }
  return queue_.append(std::move(records));
}

Status Store::Impl::status() const {
  Status status;
  writer_->add_figures(status);
  status.available = queue_.accepting();
  status.queued_events = queue_.unsettled();
  status.queued_bytes = queue_.bytes();
  status.read_events = reader_->read_events();
  status.damaged_events = reader_->damaged_events();
  status.log_bytes = bytes_of(options_.path + "-wal");
  status.file_bytes = bytes_of(options_.path) + status.log_bytes;
  return status;
}

// --- Store ---------------------------------------------------------------

protocol::Result<std::unique_ptr<Store>> Store::open(Options options) {
  if (!options.clock) options.clock = protocol::system_now;
  if (!options.retention_for) options.retention_for = keep_all;
  // SQLite finds the write-ahead log beside the file that a link leads to.
  std::error_code ignored;
  const fs::path real = fs::weakly_canonical(options.path, ignored);
  if (!real.empty()) options.path = real.string();
  const std::string path = options.path;
  if (const std::string reason = check_path(path); !reason.empty()) return refuse(path, reason);
  auto file = StoreFile::open(path);
  if (!file) return refuse(path, file.error().message);
  try {
    auto impl = std::make_unique<Impl>(std::move(options), std::move(*file));
    impl->open();
    return std::unique_ptr<Store>(new Store(std::move(impl)));
  } catch (const SqlError& error) {
    return refuse(path, remedy_for(error, path));
  } catch (const RefusedFile& refused) {
    return refuse(path, refused.what());
  }
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

void Store::start(Callbacks callbacks) { impl_->start(std::move(callbacks)); }
void Store::stop() { impl_->stop(); }

StoredChannel& Store::channel(std::string_view name, const Retention& retention, std::string_view epoch) {
  return impl_->channel(name, retention, epoch);
}
void Store::forget(const StoredChannel& channel) { impl_->forget(channel); }
std::vector<StoredChannel*> Store::channels() const { return impl_->channels(); }
std::vector<RecentId> Store::take_recent_ids(StoredChannel& channel) {
  return impl_->take_recent_ids(channel);
}

std::optional<Ticket> Store::append(Record record) { return impl_->append(std::move(record)); }
std::optional<Ticket> Store::append_together(std::vector<Record> records) {
  return impl_->append_together(std::move(records));
}
Ticket Store::settled() const { return impl_->queue().settled(); }
bool Store::failed(Ticket ticket) const { return impl_->queue().failed(ticket); }
bool Store::available() const { return impl_->queue().accepting(); }
bool Store::crowded() const { return impl_->queue().crowded(); }

void Store::read(StoredChannel& channel, std::uint64_t after, std::uint64_t up_to, std::size_t max_bytes,
                 std::function<void(Part)> then) {
  impl_->reader().read(channel, after, up_to, max_bytes, std::move(then));
}
void Store::locate(StoredChannel& channel, protocol::SystemMicros time, std::function<void(Located)> then) {
  impl_->reader().locate(channel, time, std::move(then));
}

Status Store::status() const { return impl_->status(); }

}  // namespace wskit::server::store
