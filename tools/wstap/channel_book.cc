#include "wstap/channel_book.h"

#include <fmt/core.h>

namespace wskit::tap {
namespace {

using protocol::EventView;

std::string range(std::uint64_t first, std::uint64_t last) {
  return first == last ? fmt::format("event {}", first) : fmt::format("events {} to {}", first, last);
}

}  // namespace

std::string Incident::describe(std::string_view channel) const {
  switch (kind) {
    case Kind::kGap:
      return fmt::format("gap in {}: {} missing{}", channel, range(first, last),
                         filtered ? ", as far as they have the types asked for" : "");
    case Kind::kNewEpoch: {
      std::string text = fmt::format("gap in {}: the channel began anew, and what followed event {} is lost",
                                     channel, previous);
      if (last >= first) text += fmt::format(", so {} of the new count", range(first, last));
      return text;
    }
    case Kind::kWentBack:
      return fmt::format("the offset of {} went back from {} to {}", channel, previous, first);
  }
  return {};
}

ChannelBook::Entry& ChannelBook::entry(std::string_view channel) {
  if (latest_ != nullptr && latest_->first == channel) return latest_->second;
  auto found = entries_.find(channel);
  if (found == entries_.end()) found = entries_.emplace(std::string(channel), Entry{}).first;
  latest_ = &*found;
  return found->second;
}

std::optional<Incident> ChannelBook::subscribed(const SubscribedEntry& subscribed) {
  if (!subscribed.offset) return std::nullopt;  // a pattern: its channels show by their events
  Entry& entry = this->entry(subscribed.channel);
  const bool filtered = offsets_ == Offsets::kWithHoles;
  const std::uint64_t now = *subscribed.offset;
  std::optional<Incident> incident;
  // What is lost ends before the oldest event that comes again, or with the last one.
  const std::uint64_t lost_to = subscribed.oldest && *subscribed.oldest <= now ? *subscribed.oldest - 1 : now;
  const bool resumed = entry.known && subscribed.recovered;
  if (entry.known && !resumed) {
    const bool anew = !entry.epoch.empty() && entry.epoch != subscribed.epoch;
    if (anew || now < entry.offset) {
      incident = Incident{Incident::Kind::kNewEpoch, entry.offset, 1, lost_to, filtered};
    } else if (lost_to > entry.offset) {
      incident = Incident{Incident::Kind::kGap, entry.offset, entry.offset + 1, lost_to, filtered};
    }
  }
  if (!resumed) entry.offset = entry.known ? lost_to : now;
  entry.known = true;
  entry.epoch = subscribed.epoch;
  entry.connection = connection_;
  return incident;
}

std::optional<Incident> ChannelBook::judge(const Entry& entry, std::uint64_t first) const {
  if (!entry.known || first == entry.offset + 1) return std::nullopt;
  if (first <= entry.offset) {
    if (entry.connection == connection_) {
      return Incident{Incident::Kind::kWentBack, entry.offset, first, 0};
    }
    const std::uint64_t lost_to = offsets_ == Offsets::kContiguous ? first - 1 : 0;
    return Incident{Incident::Kind::kNewEpoch, entry.offset, 1, lost_to};
  }
  if (offsets_ == Offsets::kWithHoles) return std::nullopt;
  return Incident{Incident::Kind::kGap, entry.offset, entry.offset + 1, first - 1};
}

std::optional<Incident> ChannelBook::read(const EventView& event) {
  Entry& entry = this->entry(event.channel);
  const std::optional<Incident> incident = judge(entry, event.from != 0 ? event.from : event.offset);
  if (incident && incident->kind == Incident::Kind::kNewEpoch) entry.epoch.clear();
  if (!entry.read) ++channels_read_;
  entry.offset = event.offset;
  entry.connection = connection_;
  entry.known = true;
  entry.read = true;
  return incident;
}

protocol::Since ChannelBook::resume_point(std::optional<protocol::SystemMicros> since) const {
  protocol::FromPositions resume{.positions = {}, .time = since};
  for (const auto& [channel, entry] : entries_) {
    if (entry.known) resume.positions[channel] = {.offset = entry.offset, .epoch = entry.epoch};
  }
  return resume;
}

}  // namespace wskit::tap
