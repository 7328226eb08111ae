// What each address, or each user, takes of the server at the moment.
//
// Threads: any. A lock is held for a look-up, that is where connections begin;
// what is counted is counted without one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/text_hash.h"
#include "wsserve/limits/token_bucket.h"

namespace wskit::server {

struct Usage {
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> turned_away{0};  // that still have to be told so
  SharedTokenBucket new_connections;
  SharedTokenBucket requests;
  SharedTokenBucket commands;
  SharedTokenBucket events;
};
using UsagePtr = std::shared_ptr<Usage>;

class UsageTable {
 public:
  // Entries that nobody holds stay until their buckets are full again, but no more
  // of them than this: a flood from ever other addresses does not fill the memory.
  static constexpr std::size_t kMaxIdle = 65'536;

  // The one of `key`, made if there is none. It stays the same as long as anybody
  // holds it.
  [[nodiscard]] UsagePtr find(std::string_view key, Clock::time_point now);

  // Forgets what no longer makes a difference. To be called now and then.
  void sweep(Clock::time_point now);

  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kStripes = 16;

  struct Stripe {
    mutable std::mutex mutex;
    // Guarded by mutex.
    std::unordered_map<std::string, UsagePtr, TextHash, std::equal_to<>> entries;
    std::size_t sweep_at = kMaxIdle / kStripes;
  };

  std::array<Stripe, kStripes> stripes_;
};

// A place among the connections of somebody, given back at the end.
class Place {
 public:
  enum class Kind { kConnection, kTurnedAway };

  // Nothing if there are `most` already; 0: there is always one.
  [[nodiscard]] static std::shared_ptr<Place> take(const UsagePtr& usage, Kind kind, std::size_t most);
  ~Place() { count().fetch_sub(1, std::memory_order_relaxed); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] Usage& usage() const { return *usage_; }

 private:
  Place(UsagePtr usage, Kind kind) : usage_(std::move(usage)), kind_(kind) {}
  [[nodiscard]] std::atomic<std::size_t>& count() const {
    return kind_ == Kind::kConnection ? usage_->connections : usage_->turned_away;
  }

  UsagePtr usage_;
  Kind kind_;
};
using PlacePtr = std::shared_ptr<Place>;

}  // namespace wskit::server
