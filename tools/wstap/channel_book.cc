#include "wstap/channel_book.h"

#include <fmt/core.h>

#include <algorithm>

namespace wskit::tap {
namespace {

using protocol::EventView;

std::string range(std::uint64_t first, std::uint64_t last) {
  return first == last ? fmt::format("event {}", first) : fmt::format("events {} to {}", first, last);
}

}  // namespace

std::string Incident::describe(std::string_view channel) const {
  switch (kind) {
    case Kind::kGap: {
      const bool all = missing == last - first + 1;
      return fmt::format("gap in {}: {}{} missing{}", channel, all ? "" : fmt::format("{} of ", missing),
                         range(first, last), filtered ? ", as far as they have the types asked for" : "");
    }
    case Kind::kGapBefore:
      return fmt::format("gap in {}: events before {} are missing, how many is not known", channel, last + 1);
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

ChannelBook::Entries::value_type& ChannelBook::item(std::string_view channel) {
  if (latest_ != nullptr && latest_->first == channel) return *latest_;
  auto found = entries_.find(channel);
  if (found == entries_.end()) found = entries_.emplace(std::string(channel), Entry{}).first;
  latest_ = &*found;
  return *found;
}

std::optional<Incident> ChannelBook::subscribed(const SubscribedEntry& subscribed) {
  if (!subscribed.offset) return std::nullopt;  // a pattern: its channels show by their events
  Entry& entry = item(subscribed.channel).second;
  const std::uint64_t now = *subscribed.offset;
  // What is lost ends before the oldest event that comes again, or with the last one.
  const bool comes_again = subscribed.oldest && *subscribed.oldest <= now;
  const std::uint64_t lost_to = comes_again ? *subscribed.oldest - 1 : now;
  const bool resumed = entry.known && subscribed.recovered;
  std::optional<Incident> incident;
  if (entry.known && !resumed) {
    const bool anew = !entry.epoch.empty() && entry.epoch != subscribed.epoch;
    if (anew || now < entry.offset) {
      incident = Incident{Incident::Kind::kNewEpoch, entry.offset, 1, lost_to, lost_to};
    } else if (lost_to > entry.offset) {
      incident =
          Incident{Incident::Kind::kGap, entry.offset, entry.offset + 1, lost_to, lost_to - entry.offset};
    }
  } else if (!entry.known && subscribed.oldest && !subscribed.recovered && lost_to > 0) {
    incident = Incident{Incident::Kind::kGapBefore, 0, 1, lost_to};
  }
  if (incident) incident->filtered = offsets_ == Offsets::kWithHoles;
  if (!resumed) entry.offset = entry.known || subscribed.oldest ? lost_to : now;
  entry.known = true;
  entry.epoch = subscribed.epoch;
  entry.connection = connection_;
  return incident;
}

std::optional<Incident> ChannelBook::judge(Entries::value_type& item, const EventView& event) {
  Entry& entry = item.second;
  if (!entry.known) return std::nullopt;
  if (event.offset <= entry.offset) {
    if (entry.connection == connection_) {
      return Incident{Incident::Kind::kWentBack, entry.offset, event.offset};
    }
    // A channel of a pattern, from a server that keeps no older offsets.
    entry.epoch.clear();
    const std::uint64_t first = event.from != 0 ? event.from : event.offset;
    const std::uint64_t lost_to = offsets_ == Offsets::kContiguous ? first - 1 : 0;
    return Incident{Incident::Kind::kNewEpoch, entry.offset, 1, lost_to, lost_to};
  }
  return offsets_ == Offsets::kContiguous ? account(item, event) : std::nullopt;
}

std::optional<Incident> ChannelBook::account(Entries::value_type& item, const EventView& event) {
  Entry& entry = item.second;
  if (entry.unaccounted == 0) {
    if (event.offset == entry.offset + 1 && event.merged == 0) return std::nullopt;
    entry.hole_first = entry.offset + 1;
  }
  const bool was_open = entry.unaccounted > 0;
  const std::uint64_t open = entry.unaccounted + (event.offset - entry.offset - 1);
  entry.unaccounted = open - std::min(open, event.merged);
  if (entry.unaccounted == 0) {
    if (was_open) close_hole(item);
    return std::nullopt;
  }
  if (!entry.keyed) {
    const Incident incident{Incident::Kind::kGap, entry.offset, entry.hole_first, event.offset - 1,
                            entry.unaccounted};
    entry.unaccounted = 0;
    return incident;
  }
  if (!was_open) {
    entry.hole_since = std::chrono::steady_clock::now();
    holes_.push_back(&item);
  }
  return std::nullopt;
}

void ChannelBook::close_hole(Entries::value_type& item) {
  item.second.unaccounted = 0;
  std::erase(holes_, &item);
}

ChannelBook::Reading ChannelBook::read(const EventView& event) {
  Entries::value_type& item = this->item(event.channel);
  Entry& entry = item.second;
  entry.keyed = entry.keyed || !event.key.empty();
  Reading reading{.incident = judge(item, event)};
  if (entry.connection != connection_ || !entry.read) {
    entry.epoch_asked = false;
    if (!entry.read) ++channels_read_;
    entry.read = true;
    entry.connection = connection_;
  }
  if (entry.epoch.empty() && !entry.epoch_asked) {
    entry.epoch_asked = true;
    reading.epoch_wanted = true;
  }
  entry.offset = event.offset;
  entry.known = true;
  return reading;
}

void ChannelBook::learn_epoch(std::string_view channel, std::string_view epoch) {
  const auto found = entries_.find(channel);
  if (found != entries_.end()) found->second.epoch = epoch;
}

std::vector<ChannelBook::Hole> ChannelBook::take_holes(std::optional<Time> before) {
  std::vector<Hole> taken;
  const std::vector<Entries::value_type*> open = holes_;
  for (Entries::value_type* item : open) {
    const Entry& entry = item->second;
    if (before && entry.hole_since >= *before) continue;
    taken.push_back({item->first, Incident{Incident::Kind::kGap, entry.hole_first - 1, entry.hole_first,
                                           entry.offset, entry.unaccounted}});
    close_hole(*item);
  }
  return taken;
}

protocol::Since ChannelBook::resume_point(std::optional<protocol::SystemMicros> since) const {
  protocol::FromPositions resume{.positions = {}, .time = since};
  for (const auto& [channel, entry] : entries_) {
    if (entry.known) resume.positions[channel] = {.offset = entry.offset, .epoch = entry.epoch};
  }
  return resume;
}

}  // namespace wskit::tap
