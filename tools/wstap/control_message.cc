#include "wstap/control_message.h"

#include <fmt/core.h>

#include "common/protocol/channel.h"
#include "common/protocol/event.h"
#include "common/protocol/quote.h"
#include "common/protocol/reply_decoder.h"

namespace wskit::tap {
namespace {

// Returns what is wrong with an entry; empty: nothing.
std::string fault_of(const SubscribedEntry& entry, bool is_listed) {
  const bool may_be_pattern = !is_listed && !entry.offset;
  const bool is_pattern = may_be_pattern && protocol::looks_like_pattern(entry.channel);
  if (is_pattern) {
    const protocol::Result<protocol::Pattern> pattern = protocol::Pattern::parse(entry.channel);
    if (!pattern) return pattern.error().message;
  } else if (const protocol::Result<void> checked = protocol::check_channel(entry.channel); !checked) {
    return checked.error().message;
  }
  if (!entry.epoch.empty() && !protocol::is_valid_type(entry.epoch)) {
    return fmt::format("{} is no epoch", protocol::quote(entry.epoch));
  }
  if (entry.offset > kMostOffset || entry.oldest > kMostOffset || entry.oldest == std::uint64_t{0}) {
    return fmt::format("channel {}: its offsets cannot be", protocol::quote(entry.channel));
  }
  return {};
}

// Turns the entries of a reply into those of a message, which receives what is wrong with
// the ones that are passed over.
class EntryReader {
 public:
  explicit EntryReader(ControlMessage& message) : message_(message) {}

  void read(const protocol::Subscribed& subscribed) {
    for (const protocol::SubscribedChannel& channel : subscribed.channels) {
      add(message_.subscribed, read(channel), false);
    }
  }

 private:
  SubscribedEntry read(const protocol::SubscribedChannel& channel) {
    SubscribedEntry entry = place(channel);
    for (const protocol::SubscribedGap& gap : channel.gaps) {
      add(entry.gaps,
          {.channel = std::string(gap.channel),
           .offset = gap.offset,
           .epoch = std::string(gap.epoch),
           .oldest = gap.oldest == 0 ? std::nullopt : std::optional(gap.oldest),
           .gaps = {}},
          true);
    }
    entry.more_gaps = channel.more_gaps;
    entry.lists = channel.matched.has_value();
    if (!channel.matched) return entry;
    for (const protocol::SubscribedMatch& match : *channel.matched) add(entry.matched, place(match), true);
    return entry;
  }

  template <class Place>
  static SubscribedEntry place(const Place& from) {
    return {.channel = std::string(from.channel),
            .offset = from.offset,
            .epoch = std::string(from.epoch),
            .recovered = from.recovered,
            .replayed = from.replayed,
            .oldest = from.oldest,
            .gaps = {}};
  }

  // `is_listed`: it is one of a pattern's.
  void add(std::vector<SubscribedEntry>& entries, SubscribedEntry entry, bool is_listed) {
    std::string fault = fault_of(entry, is_listed);
    if (fault.empty()) return entries.push_back(std::move(entry));
    if (message_.passed_over++ == 0) message_.fault = std::move(fault);
  }

  ControlMessage& message_;
};

// One of ours is a number or a string.
std::string_view own_id(std::string_view id) {
  return id.starts_with('{') || id.starts_with('[') ? std::string_view() : id;
}

}  // namespace

ControlMessage parse_control(std::string_view text) {
  ControlMessage message;
  protocol::ReplyDecoder decoder;
  const protocol::DecodedReply& decoded = decoder.decode(text);
  message.type = decoded.type;
  message.timestamp = decoded.timestamp;
  message.id = own_id(decoded.id);
  if (const auto* subscribed = decoded.as<protocol::Subscribed>()) {
    EntryReader(message).read(*subscribed);
  } else if (const auto* connected = decoded.as<protocol::Connected>()) {
    for (const std::string_view channel : connected->channels) {
      if (protocol::Pattern::parse(channel)) message.channels.emplace_back(channel);
    }
  } else if (const auto* history = decoded.as<protocol::HistoryEvents>()) {
    if (protocol::is_valid_type(history->epoch)) message.epoch = history->epoch;
  } else if (const auto* refused = decoded.as<protocol::Refused>()) {
    message.error_code = refused->code;
    message.error_message = refused->message;
  }
  return message;
}

}  // namespace wskit::tap
