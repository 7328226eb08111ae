// Counts the channels that each client has made, so that nobody fills the table alone.
//
// Threads: one at a time; the hub's lock guards it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/text_hash.h"

namespace wskit::server {

class ChannelShares {
 public:
  // Somebody's channels. Valid until the last of them is given back.
  class Share {
   public:
    [[nodiscard]] std::size_t channels() const { return channels_; }

   private:
    friend class ChannelShares;
    std::string_view of_;
    std::size_t channels_ = 0;
  };

  // Whether `of` may have one more where `most` is the limit; 0: none. An empty name
  // stands for those who are not counted.
  [[nodiscard]] bool has_room(std::string_view of, std::size_t most) const;

  // One more channel is theirs; null where `of` is empty. Throws std::bad_alloc, and
  // then nothing is counted.
  [[nodiscard]] Share* take(std::string_view of);
  // One of them is gone, or somebody else's. `share` may be null.
  void give_back(Share* share) noexcept;

  // How many have a channel.
  [[nodiscard]] std::size_t size() const { return shares_.size(); }

 private:
  std::unordered_map<std::string, Share, TextHash, std::equal_to<>> shares_;
};

}  // namespace wskit::server
