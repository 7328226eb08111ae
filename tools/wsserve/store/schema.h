// The store's file: its tables (docs/store.md), its marks of what it is and how
// it was left, and what it says of its channels when it is opened.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "wsserve/store/database.h"
#include "wsserve/store/store.h"
#include "wsserve/store/stored_channel.h"

namespace wskit::server::store {

// The version of the tables. A file of an older one is brought up to date when it
// is opened; a newer one is refused.
inline constexpr int kSchemaVersion = 3;

// Makes the tables in a new file, or checks that the file is a store that this
// version can write. Throws SqlError, or RefusedFile.
struct RefusedFile : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void prepare_file(Database& database);

// Sets how commits are flushed.
void set_sync(Database& database, Sync sync);

// How the last server left the file.
struct LastRun {
  bool closed = true;  // it said that all was in the file
  // It may have taken acknowledged events with it: the machine went down under it and
  // it had not flushed every commit.
  bool unflushed = false;
};
// Notes that a server writes to the file, and how.
[[nodiscard]] LastRun begin_run(Database& database, Sync sync);
// Notes that all is in the file.
void end_run(Database& database);

// Gives every channel in the file a new epoch.
void renew_epochs(Database& database, const std::function<std::string()>& make_epoch);

// The channels in the file with the retention they are to have, and the highest
// number that any of them has (0: there are none).
struct KnownChannels {
  std::vector<std::unique_ptr<StoredChannel>> channels;
  std::int64_t last_id = 0;
};
[[nodiscard]] KnownChannels load_channels(Database& database,
                                          const std::function<Retention(std::string_view)>& retention_for);

// The ids and sequences that the channel remembers, oldest first; the state holds
// their rows.
[[nodiscard]] std::vector<RecentId> load_recent_ids(Database& database, StoredChannel& channel,
                                                    protocol::SystemMicros now);

}  // namespace wskit::server::store
