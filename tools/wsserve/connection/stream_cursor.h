// Where the reader of an event stream stands on each of its channels, as the text
// that brings it back there: the `id:` of Server-Sent Events (docs/protocol.md,
// "Event streams").
//
// A browser sends the last id back in one header, so there is a limit to its
// length. Past it the channels that were silent longest are left out, and a time
// stands for them.
//
// Threads: one, the shard's. The time is a parameter.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/protocol/timestamp.h"
#include "common/text_hash.h"

namespace wskit::server {

class StreamCursor {
 public:
  // `single`: there will be but one channel, and its position is the whole text.
  StreamCursor(protocol::SystemMicros began, bool single) : began_(began), single_(single) {}

  // The reader has what is up to `offset` of that channel. The smaller one counts
  // where that was said before.
  void begin(std::string_view channel, std::string_view epoch, std::uint64_t offset);
  // The reader gets this event. `find_epoch` is asked when the channel is new.
  void advance(std::string_view channel, std::uint64_t offset,
               const std::function<std::string_view(std::string_view)>& find_epoch);

  // Every channel has its place in the text.
  [[nodiscard]] bool is_complete() const { return complete_; }

  // The text; nothing yet if no channel is known. `held`: offsets that a channel's
  // position must not pass, for something before them still waits.
  // REQUIRES: is_complete(), or no channel's history is being read.
  using Held = std::unordered_map<std::string_view, std::uint64_t, TextHash, std::equal_to<>>;
  [[nodiscard]] std::string text(protocol::SystemMicros now, const Held& held) const;

  // How long a text is, or at most becomes.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // A quarter of what servers and proxies take as one header.
  static constexpr std::size_t kMaxBytes = 4096;
  // How much earlier than now an event may have been received that is delivered
  // only now: the store's commit lies between.
  static constexpr std::chrono::seconds kMargin{60};

 private:
  struct Place {
    std::string channel;
    std::string epoch;
    std::uint64_t offset;
  };
  [[nodiscard]] static std::size_t bytes_of(const Place& place);
  void keep_short();

  const protocol::SystemMicros began_;
  const bool single_;
  bool complete_ = true;
  std::size_t bytes_ = 0;
  std::list<Place> places_;  // the one that moved last in front
  std::unordered_map<std::string_view, std::list<Place>::iterator, TextHash, std::equal_to<>> by_channel_;
};

}  // namespace wskit::server
