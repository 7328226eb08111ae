// Who is connected: users with their connections, on all shards.
//
// Threads: any. A lock is held where connections begin and end, and while the
// figures are read.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "wsserve/presence/presence.h"

namespace wskit::server::people {

class People;

// A connection of a user, from when it is known whose it is to its end.
class Seat {
 public:
  Seat(People& people, std::string user);
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

 private:
  People& people_;
  const std::string user_;
};
using SeatPtr = std::unique_ptr<Seat>;

class People {
 public:
  explicit People(Hub& hub) : presence_(hub) {}

  [[nodiscard]] Presence& presence() { return presence_; }

  // A WebSocket of commands is there, until it leaves; `connection`: its key. REQUIRES, of
  // a key: a shard that there is, and a number below kNumbers.
  static constexpr std::uint64_t kNumbers = std::uint64_t{1} << 56U;
  [[nodiscard]] static std::uint64_t key(std::uint64_t shard, std::uint64_t number) {
    return (shard << 56U) ^ number;
  }
  void enter(std::uint64_t connection);
  void leave(std::uint64_t connection);
  [[nodiscard]] bool is_here(std::uint64_t connection) const;

  // Null for the anonymous.
  [[nodiscard]] SeatPtr seat(const std::string& user);

  // How many connections each user has who has one.
  [[nodiscard]] std::map<std::string, std::size_t, std::less<>> connections_by_user() const;
  // How many users that are, and how many connections this one has; 0: none.
  [[nodiscard]] std::size_t users() const;
  [[nodiscard]] std::size_t connections_of(const std::string& user) const;

 private:
  friend class Seat;

  Presence presence_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, std::size_t, std::less<>> connections_;
  boost::unordered_flat_set<std::uint64_t> websockets_;
};

}  // namespace wskit::server::people
