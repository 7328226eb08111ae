// Why nothing is printed: what the server's answers show of channels that nobody
// ever published to, and of events whose types were not asked for.
//
// Knows no connection. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/event.h"
#include "wstap/control_message.h"

namespace wskit::tap {

// What a name means in the patterns of other systems (a/# and a/+ of MQTT, a.> of
// NATS): the pattern that means it here. Empty: nothing of the kind.
[[nodiscard]] std::string here_spelled(std::string_view name);

// What somebody most likely wanted who names such a channel ("list"); empty: the channel.
[[nodiscard]] std::string_view meant_by(std::string_view name);

class Quiet {
 public:
  // The channels as the server says at the beginning that they stand, each once.
  void begins(const std::vector<SubscribedEntry>& channels);
  // An event came, printed or not.
  void took(const protocol::EventView& event) { taken_ += 1 + event.merged; }

  // The channels as they stand later: how many events of them did not come.
  [[nodiscard]] std::uint64_t others(const std::vector<SubscribedEntry>& channels) const;

  // The names and patterns of an answer that stand for no event at all.
  [[nodiscard]] static std::vector<std::string> empty_ones(const std::vector<SubscribedEntry>& entries);

  // The patterns that channels with a name like this one match; none for the
  // server's own channels.
  [[nodiscard]] static std::vector<std::string> probes(std::string_view name);

  // What is told of a name or pattern that stands for no event, when `there` are the
  // channels that its probes match: "nothing was ever published to market/APPL;
  // there is market/AAPL".
  [[nodiscard]] static std::string told(std::string_view name, const std::vector<std::string>& there);

 private:
  struct Place {
    std::string epoch;
    std::uint64_t offset = 0;
  };
  std::map<std::string, Place, std::less<>> places_;
  std::uint64_t taken_ = 0;
};

}  // namespace wskit::tap
