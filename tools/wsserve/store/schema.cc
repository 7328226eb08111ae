#include "wsserve/store/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <unordered_map>

#include "common/text_hash.h"
#include "wsserve/frame/event_frame.h"
#include "wsserve/store/row_checksum.h"
#include "wsserve/store/row_id.h"

namespace wskit::server::store {
namespace {

// "wskt": what the file is, for `file` and for a store that is given another
// program's database.
constexpr int kApplicationId = 0x77736B74;

// The numbers in the view are kOffsetBits and kMaxOffset.
static_assert(kOffsetBits == 43 && kMaxOffset == 8'796'093'022'207);
constexpr const char* kTables = R"(
CREATE TABLE meta(
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE channels(
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  epoch         TEXT NOT NULL,
  has_ids       INTEGER NOT NULL DEFAULT 0,  -- whether an event ever had a dedup id or a sequence
  gone          INTEGER NOT NULL DEFAULT 0,  -- the events up to this offset were deleted
  gone_received INTEGER NOT NULL DEFAULT 0   -- when the last of them was received
) STRICT;

CREATE TABLE events(
  id           INTEGER PRIMARY KEY,  -- channels.id << 43 | offset
  received     INTEGER NOT NULL,     -- microseconds since 1970, never less than the one before
  bytes_before INTEGER NOT NULL,     -- of the channel's earlier events, for retention
  type         TEXT NOT NULL,
  timestamp    TEXT NOT NULL,        -- RFC 3339, as it was published
  key          TEXT,                 -- a JSON string, with its quotes
  dedup        TEXT,
  data         TEXT NOT NULL         -- JSON, as it was published
) STRICT;

CREATE VIEW event_log AS
SELECT channels.name AS channel,
       events.id & 8796093022207 AS offset,
       channels.epoch AS epoch,
       strftime('%Y-%m-%dT%H:%M:%S', events.received / 1000000, 'unixepoch')
         || printf('.%06dZ', events.received % 1000000) AS received,
       events.type AS type,
       events.timestamp AS timestamp,
       events.key AS key,
       events.dedup AS dedup,
       events.data AS data
FROM channels
JOIN events ON events.id BETWEEN channels.id << 43 AND channels.id << 43 | 8796093022207;
)";

// What each version added, from the one before it. The tables of a new file are
// those of version 1 with all of it.
struct Upgrade {
  int to;
  const char* sql;
};
constexpr std::array kUpgrades{
    // Whoever changes a row by a statement means it; what is to be found is what a disk
    // changes.
    Upgrade{.to = 2, .sql = R"(
ALTER TABLE events ADD COLUMN checksum INTEGER;  -- of the row (docs/store.md); NULL: none

CREATE TRIGGER events_changed
AFTER UPDATE OF id, received, type, timestamp, key, dedup, data ON events
WHEN NEW.checksum IS OLD.checksum
BEGIN UPDATE events SET checksum = NULL WHERE id = NEW.id; END;
)"},
    Upgrade{.to = 3, .sql = R"(
ALTER TABLE events ADD COLUMN producer TEXT;     -- beside `sequence`, in the place of `dedup`
ALTER TABLE events ADD COLUMN sequence INTEGER;

DROP VIEW IF EXISTS event_log;
CREATE VIEW event_log AS
SELECT channels.name AS channel,
       events.id & 8796093022207 AS offset,
       channels.epoch AS epoch,
       strftime('%Y-%m-%dT%H:%M:%S', events.received / 1000000, 'unixepoch')
         || printf('.%06dZ', events.received % 1000000) AS received,
       events.type AS type,
       events.timestamp AS timestamp,
       events.key AS key,
       events.dedup AS dedup,
       events.producer AS producer,
       events.sequence AS sequence,
       events.data AS data
FROM channels
JOIN events ON events.id BETWEEN channels.id << 43 AND channels.id << 43 | 8796093022207;
)"},
};
static_assert(kUpgrades.back().to == kSchemaVersion);

// Names this boot of the machine; empty if it cannot be known.
std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

void set_meta(Database& database, std::string_view key, std::string_view value) {
  Statement insert(
      database, "INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value");
  insert.bind(1, key);
  insert.bind(2, value);
  insert.run();
}

std::string get_meta(Database& database, std::string_view key) {
  Statement query(database, "SELECT value FROM meta WHERE key = ?");
  query.bind(1, key);
  return query.step() ? std::string(query.text(0)) : std::string();
}

std::string_view name_of(Sync sync) {
  switch (sync) {
    case Sync::kFull:
      return "full";
    case Sync::kNormal:
      return "normal";
    case Sync::kOff:
      break;
  }
  return "off";
}

// The statements that find where a channel stands.
struct Ends {
  explicit Ends(Database& database)
      : newest(database,
               "SELECT id, received, bytes_before, type, timestamp, key, data, dedup, checksum FROM events "
               "WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"),
        oldest(database, "SELECT id FROM events WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1") {}

  void find(StoredChannel& channel, std::uint64_t gone) {
    ChannelState& state = channel.state();
    state.newest = gone;
    state.floor = gone + 1;
    for (Statement* query : {&newest, &oldest}) {
      query->bind(1, row_id(channel.id(), 0));
      query->bind(2, row_id(channel.id(), kMaxOffset));
    }
    if (newest.step()) {
      state.newest = std::max(gone, offset_of(newest.number(0)));
      // A time that a disk has changed would be every later event's too.
      if (is_unchanged(newest)) {
        state.newest_received = protocol::SystemMicros(std::chrono::microseconds(newest.number(1)));
      }
      protocol::EventView event;
      event.channel = channel.name();
      event.offset = state.newest;
      event.type = newest.text(3);
      event.timestamp = newest.text(4);
      event.key = newest.text(5);
      event.data = newest.text(6);
      state.bytes = static_cast<std::uint64_t>(newest.number(2)) + build_event_frame(event)->size() +
                    History::kOverheadBytes;
      newest.reset();
    }
    if (oldest.step()) {
      state.floor = offset_of(oldest.number(0));
      oldest.reset();
    }
    state.known = {.offset = state.floor};
  }

  static bool is_unchanged(const Statement& row) {
    if (row.is_null(8)) return true;
    return row.number(8) == checksum_of({.id = row.number(0),
                                         .received = row.number(1),
                                         .type = row.text(3),
                                         .timestamp = row.text(4),
                                         .key = row.text(5),
                                         .dedup = row.text(7),
                                         .data = row.text(6)});
  }

  Statement newest;
  Statement oldest;
};

}  // namespace

void prepare_file(Database& database) {
  const auto application = database.number("PRAGMA application_id");
  const auto version = database.number("PRAGMA user_version");
  const bool fresh =
      application == 0 && version == 0 && database.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (!fresh && application != kApplicationId) {
    throw RefusedFile("it is another program's database: name another file");
  }
  if (version > kSchemaVersion) {
    throw RefusedFile(
        fmt::format("its schema is version {} and this wsserve knows up to {}: use the newer "
                    "wsserve, or name another file",
                    version, kSchemaVersion));
  }
  // Before anything is written, for that makes the file what it is.
  if (database.text("PRAGMA journal_mode = WAL") != "wal") {
    throw RefusedFile("the file system cannot share memory, which a write-ahead log needs: use a local disk");
  }
  if (version == kSchemaVersion) return;
  std::string changes = fresh ? fmt::format("{} PRAGMA application_id = {};", kTables, kApplicationId) : "";
  for (const Upgrade& upgrade : kUpgrades) {
    if (version < upgrade.to) changes += upgrade.sql;
  }
  try {
    database.exec(
        fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version = {}; COMMIT", changes, kSchemaVersion));
  } catch (const SqlError&) {
    database.rollback();
    throw;
  }
}

void set_sync(Database& database, Sync sync) {
  database.exec(fmt::format("PRAGMA synchronous = {}", name_of(sync)));
}

LastRun begin_run(Database& database, Sync sync) {
  const std::string boot = boot_id();
  const bool clean = get_meta(database, "state") != "running";
  const bool every_commit_flushed = get_meta(database, "sync") == name_of(Sync::kFull);
  const bool same_boot = !boot.empty() && get_meta(database, "boot") == boot;
  set_meta(database, "state", "running");
  set_meta(database, "sync", name_of(sync));
  set_meta(database, "boot", boot);
  return {.closed = clean, .unflushed = !clean && !every_commit_flushed && !same_boot};
}

void end_run(Database& database) { set_meta(database, "state", "closed"); }

void renew_epochs(Database& database, const std::function<std::string()>& make_epoch) {
  std::vector<std::int64_t> ids;
  Statement query(database, "SELECT id FROM channels");
  while (query.step()) ids.push_back(query.number(0));
  Statement update(database, "UPDATE channels SET epoch = ? WHERE id = ?");
  for (const std::int64_t id : ids) {
    const std::string epoch = make_epoch();
    update.bind(1, epoch);
    update.bind(2, id);
    update.run();
  }
}

KnownChannels load_channels(Database& database,
                            const std::function<Retention(std::string_view)>& retention_for) {
  KnownChannels known;
  Ends ends(database);
  Statement query(database, "SELECT id, name, epoch, has_ids, gone, gone_received FROM channels ORDER BY id");
  while (query.step()) {
    std::string name(query.text(1));
    const Retention retention = retention_for(name);
    auto channel = std::make_unique<StoredChannel>(std::move(name), std::string(query.text(2)), retention);
    const std::int64_t id = query.number(0);
    channel->set_id(id);
    channel->state().in_file = true;
    channel->state().has_ids = query.number(3) != 0;
    const auto gone = static_cast<std::uint64_t>(query.number(4));
    if (gone != 0) {
      channel->set_deleted_received(protocol::SystemMicros(std::chrono::microseconds(query.number(5))));
    }
    ends.find(*channel, gone);
    channel->let_go_before(channel->state().floor);
    channel->set_newest_at_open(channel->state().newest);
    known.last_id = id;
    known.channels.push_back(std::move(channel));
  }
  return known;
}

std::vector<RecentId> load_recent_ids(Database& database, StoredChannel& channel,
                                      protocol::SystemMicros now) {
  std::vector<RecentId> recent;
  if (!channel.state().has_ids) return recent;
  const DedupLimits limits = channel.retention().dedup;
  Statement query(database,
                  "SELECT id, received, dedup, producer, sequence FROM events WHERE id BETWEEN ? AND ? "
                  "ORDER BY id DESC");
  query.bind(1, row_id(channel.id(), 0));
  query.bind(2, row_id(channel.id(), kMaxOffset));
  std::size_t ids = 0;
  std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> sequences;  // how many, by producer
  while (query.step()) {
    const protocol::SystemMicros received{std::chrono::microseconds(query.number(1))};
    if (now - received > limits.max_age) break;
    RecentId each{.id = {}, .producer = {}, .offset = offset_of(query.number(0)), .received = received};
    if (!query.is_null(3)) {
      each.producer = query.text(3);
      each.sequence = query.number(4);
      if (!sequences.contains(each.producer) && sequences.size() == limits.max_producers) continue;
      if (sequences[each.producer]++ >= limits.max_ids) continue;
    } else if (!query.is_null(2)) {
      each.id = query.text(2);
      if (ids++ >= limits.max_ids) continue;
    } else {
      continue;
    }
    recent.push_back(std::move(each));
  }
  query.reset();
  std::ranges::reverse(recent);
  for (const RecentId& each : recent) {
    channel.state().held_ids.add(each.offset, each.received, each.producer, limits, each.received);
  }
  return recent;
}

}  // namespace wskit::server::store
