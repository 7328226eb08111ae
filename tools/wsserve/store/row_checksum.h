// A sum over an event's row, so that a disk that changed it silently is found out when
// the row is read (docs/store.md).
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace wskit::server::store {

// The columns it is over. `key` and `dedup` are empty where the file has NULL.
struct RowContent {
  std::int64_t id = 0;
  std::int64_t received = 0;
  std::string_view type;
  std::string_view timestamp;
  std::string_view key;
  std::string_view dedup;
  std::string_view data;
};

// XXH3 of 64 bits, over the numbers id, received and the sum of data, little-endian,
// and behind them type, timestamp, key and dedup, each with a zero byte at its end. As
// SQLite holds it, signed.
[[nodiscard]] std::int64_t checksum_of(const RowContent& row);

}  // namespace wskit::server::store
