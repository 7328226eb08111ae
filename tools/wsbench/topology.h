// Who publishes and subscribes where: P publishers, K channels, S subscribers.
//
// Subscribers are dealt over the channels in turn. With K >= P each publisher serves
// the channels i, i+P, i+2P, … in turn; with K < P several publishers share channel
// i mod K.
//
// Threads: immutable.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wskit::bench {

struct Topology {
  std::uint32_t publishers = 1;
  std::uint32_t channels = 1;
  std::uint32_t subscribers = 0;

  [[nodiscard]] std::uint32_t channel_of_subscriber(std::uint32_t subscriber) const {
    return subscriber % channels;
  }
  [[nodiscard]] std::uint32_t subscribers_of(std::uint32_t channel) const {
    return dealt(subscribers, channels, channel);
  }

  [[nodiscard]] std::uint32_t channels_of(std::uint32_t publisher) const {
    return shared() ? 1 : dealt(channels, publishers, publisher);
  }
  // Where the event with this number of a publisher goes.
  [[nodiscard]] std::uint32_t channel_of_event(std::uint32_t publisher, std::uint64_t sequence) const {
    if (shared()) return publisher % channels;
    return publisher + publishers * static_cast<std::uint32_t>(sequence % channels_of(publisher));
  }

  // The publishers of a channel, numbered from 0 for that channel.
  [[nodiscard]] std::uint32_t sources_of(std::uint32_t channel) const {
    return shared() ? dealt(publishers, channels, channel) : 1;
  }
  [[nodiscard]] std::uint32_t source_index(std::uint32_t publisher) const {
    return shared() ? publisher / channels : 0;
  }
  [[nodiscard]] std::uint32_t publisher_of(std::uint32_t channel, std::uint32_t source) const {
    return shared() ? channel + source * channels : channel % publishers;
  }
  // The number of the first event that a publisher sends to the channel; the next
  // ones follow at a distance of channels_of(publisher).
  [[nodiscard]] std::uint64_t first_sequence(std::uint32_t channel) const {
    return shared() ? 0 : channel / publishers;
  }
  // How many of a publisher's first `sent` events went to the channel.
  [[nodiscard]] std::uint64_t events_on(std::uint32_t channel, std::uint32_t publisher,
                                        std::uint64_t sent) const {
    const std::uint64_t first = first_sequence(channel);
    const std::uint64_t step = channels_of(publisher);
    return sent > first ? (sent - first + step - 1) / step : 0;
  }

 private:
  [[nodiscard]] bool shared() const { return channels < publishers; }

  // How many of `cards` the player gets when they are dealt in turn.
  static std::uint32_t dealt(std::uint32_t cards, std::uint32_t players, std::uint32_t player) {
    return cards / players + (player < cards % players ? 1 : 0);
  }
};

}  // namespace wskit::bench
