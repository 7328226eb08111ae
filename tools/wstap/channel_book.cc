#include "wstap/channel_book.h"

#include <algorithm>

namespace wskit::tap {
namespace {

using protocol::EventView;

constexpr std::size_t kMissingRanges = 16;

}  // namespace

ChannelBook::ChannelBook(Offsets offsets, protocol::Since origin)
    : offsets_(offsets), origin_(std::move(origin)) {
  const auto* from = std::get_if<protocol::FromPositions>(&origin_);
  if (from == nullptr) return;
  for (const auto& [channel, position] : from->positions) {
    Entry& entry = item(channel).second;
    entry.offset = position.offset;
    entry.epoch = position.epoch;
    entry.known = true;
  }
}

ChannelBook::Entries::value_type& ChannelBook::item(std::string_view channel) {
  if (latest_ != nullptr && latest_->first == channel) return *latest_;
  auto found = entries_.find(channel);
  if (found == entries_.end()) found = entries_.emplace(std::string(channel), Entry{}).first;
  latest_ = &*found;
  return *found;
}

// Where the origin names a place, the channel is as good as read up to there.
void ChannelBook::begin_at_origin(Entry& entry, const SubscribedEntry& subscribed) const {
  const std::uint64_t now = *subscribed.offset;
  if (const auto* position = std::get_if<protocol::Position>(&origin_)) {
    entry.offset = position->offset;
    entry.epoch = position->epoch;
  } else if (const auto* last = std::get_if<protocol::FromLast>(&origin_)) {
    entry.offset = now - std::min(last->events, now);
  } else if (std::holds_alternative<protocol::FromStart>(origin_)) {
    entry.offset = 0;
  } else {
    return;
  }
  entry.known = true;
}

std::optional<Incident> ChannelBook::lost(const Entry& entry, const SubscribedEntry& subscribed,
                                          std::uint64_t lost_to) {
  Incident incident{.epoch = subscribed.epoch};
  incident.oldest = subscribed.oldest;
  if (!entry.known) {
    if (!subscribed.oldest || lost_to == 0) return std::nullopt;
    incident.kind = Incident::Kind::kGapBefore;
    incident.first = 1;
    incident.last = lost_to;
    return incident;
  }
  incident.previous = entry.offset;
  incident.previous_epoch = entry.epoch;
  incident.last = lost_to;
  const bool anew = !entry.epoch.empty() && entry.epoch != subscribed.epoch;
  if (anew || *subscribed.offset < entry.offset) {
    incident.kind = Incident::Kind::kNewEpoch;
    incident.first = 1;
    incident.missing = lost_to;
    return incident;
  }
  if (lost_to <= entry.offset) return std::nullopt;
  incident.first = entry.offset + 1;
  incident.missing = lost_to - entry.offset;
  return incident;
}

std::optional<Incident> ChannelBook::subscribed(const SubscribedEntry& subscribed) {
  if (!subscribed.offset) return std::nullopt;  // a pattern: its channels show by themselves
  Entry& entry = item(subscribed.channel).second;
  const std::uint64_t now = *subscribed.offset;
  if (!entry.known) begin_at_origin(entry, subscribed);
  const bool was_known = entry.known;
  // What is lost ends before the oldest event that comes again, or with the last one.
  const bool comes_again = subscribed.oldest && *subscribed.oldest <= now;
  const std::uint64_t lost_to = comes_again ? *subscribed.oldest - 1 : now;
  std::optional<Incident> incident;
  if (!subscribed.recovered) {
    incident = lost(entry, subscribed, lost_to);
    entry.offset = was_known || subscribed.oldest ? lost_to : now;
  } else if (!was_known) {
    entry.offset = now - std::min(subscribed.replayed, now);
  }
  if (incident) {
    incident->filtered = offsets_ == Offsets::kWithHoles;
    entry.missing.clear();
  }
  entry.told = !was_known;
  entry.known = true;
  entry.epoch = subscribed.epoch;
  entry.connection = connection_;
  return incident;
}

// A channel of a pattern, from a server that keeps no older offsets; or one that
// was forgotten while it was silent, and begins anew.
void ChannelBook::begin_anew(Entry& entry, const EventView& event, Incident& incident) const {
  const std::uint64_t first = event.from != 0 ? event.from : event.offset;
  incident.kind = Incident::Kind::kNewEpoch;
  incident.previous_epoch = std::move(incident.epoch);
  incident.epoch.clear();
  incident.first = 1;
  incident.last = offsets_ == Offsets::kContiguous ? first - 1 : 0;
  incident.missing = incident.last;
  entry.epoch.clear();
  entry.epoch_asked = false;
  entry.missing.clear();
  entry.offset = event.offset;
}

bool ChannelBook::came_before(Entries::value_type& item, std::uint64_t offset) {
  Entry& entry = item.second;
  if (entry.unaccounted > 0 && offset >= entry.hole_first) {
    if (std::ranges::find(entry.late, offset) != entry.late.end()) return true;
    entry.late.push_back(offset);
    if (--entry.unaccounted == 0) close_hole(item);
    return false;
  }
  const auto range = std::ranges::find_if(entry.missing, [&](const auto& missing) {
    return missing.first <= offset && offset <= missing.second;
  });
  if (range == entry.missing.end()) return true;
  const auto [first, last] = *range;
  entry.missing.erase(range);
  if (offset > first) entry.missing.emplace_back(first, offset - 1);
  if (offset < last) entry.missing.emplace_back(offset + 1, last);
  return false;
}

void ChannelBook::judge_old(Entries::value_type& item, const EventView& event, Reading& reading) {
  Entry& entry = item.second;
  Incident incident{.previous = entry.offset, .first = event.offset, .epoch = entry.epoch};
  const bool same_count = entry.connection == connection_ && (event.offset != 1 || entry.offset == 1);
  if (!same_count) {
    begin_anew(entry, event, incident);
  } else if (!came_before(item, event.offset)) {
    incident.kind = Incident::Kind::kLate;
  } else {
    reading.repeated = true;
    if (entry.told && !entry.read) return;  // on its way when the answer told the beginning
    incident.kind = Incident::Kind::kDuplicate;
  }
  reading.incident = std::move(incident);
}

std::optional<Incident> ChannelBook::check_merge(const Entry& entry, const EventView& event) const {
  if (event.merged == 0 && event.from == 0) return std::nullopt;
  const bool possible = event.merged > 0 && event.from > 0 && event.from < event.offset &&
                        event.merged <= event.offset - event.from;
  // No more than what was skipped; and, without keys, nothing from before the last event.
  const bool fits = !entry.known || offsets_ == Offsets::kWithHoles ||
                    (event.merged < entry.unaccounted + event.offset - entry.offset &&
                     (entry.keyed || event.from > entry.offset));
  if (possible && fits) return std::nullopt;
  return Incident{.kind = Incident::Kind::kBadMerge,
                  .previous = entry.offset,
                  .first = event.offset,
                  .last = event.from,
                  .merged = event.merged,
                  .epoch = entry.epoch};
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
    Incident incident{.kind = Incident::Kind::kGap,
                      .previous = entry.offset,
                      .first = entry.hole_first,
                      .last = event.offset - 1,
                      .missing = entry.unaccounted,
                      .epoch = entry.epoch};
    if (entry.missing.size() == kMissingRanges) entry.missing.erase(entry.missing.begin());
    entry.missing.emplace_back(incident.first, incident.last);
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
  item.second.late.clear();
  std::erase(holes_, &item);
}

ChannelBook::Reading ChannelBook::read(const EventView& event) {
  Entries::value_type& item = this->item(event.channel);
  Entry& entry = item.second;
  Reading reading;
  entry.keyed = entry.keyed || !event.key.empty();
  entry.merges = entry.merges || event.merged > 0;
  const bool old = entry.known && event.offset <= entry.offset;
  if (old) {
    judge_old(item, event, reading);
    if (reading.repeated) return reading;
  } else {
    reading.merge = check_merge(entry, event);
    if (entry.known && offsets_ == Offsets::kContiguous) reading.incident = account(item, event);
  }
  if (entry.connection != connection_ || !entry.read) {
    if (entry.connection != connection_) entry.epoch_asked = false;
    reading.first = !entry.read;
    if (!entry.read) ++channels_read_;
    entry.read = true;
    entry.connection = connection_;
  }
  if (entry.epoch.empty() && !entry.epoch_asked) {
    entry.epoch_asked = true;
    entry.epoch_refused = false;
    reading.epoch_wanted = true;
  }
  entry.offset = std::max(entry.offset, event.offset);
  entry.known = true;
  return reading;
}

void ChannelBook::learn_epoch(std::string_view channel, std::string_view epoch) {
  const auto found = entries_.find(channel);
  if (found == entries_.end()) return;
  found->second.epoch = epoch;
  found->second.epoch_refused = epoch.empty();
}

std::vector<ChannelBook::Hole> ChannelBook::take_holes(std::optional<Time> before) {
  std::vector<Hole> taken;
  const std::vector<Entries::value_type*> open = holes_;
  for (Entries::value_type* item : open) {
    Entry& entry = item->second;
    if (before && entry.hole_since >= *before) continue;
    taken.push_back({item->first, Incident{.kind = Incident::Kind::kGap,
                                           .previous = entry.hole_first - 1,
                                           .first = entry.hole_first,
                                           .last = entry.offset,
                                           .missing = entry.unaccounted,
                                           .epoch = entry.epoch}});
    close_hole(*item);
  }
  return taken;
}

void ChannelBook::forget_holes_of_merges() {
  const std::vector<Entries::value_type*> open = holes_;
  for (Entries::value_type* item : open) {
    if (item->second.merges) close_hole(*item);
  }
}

protocol::FromPositions ChannelBook::resume_point(std::optional<protocol::SystemMicros> since) const {
  protocol::FromPositions resume{.positions = {}, .time = since};
  for (const auto& [channel, entry] : entries_) {
    if (entry.known) resume.positions[channel] = {.offset = entry.offset, .epoch = entry.epoch};
  }
  return resume;
}

protocol::FromPositions ChannelBook::lasting_point(std::optional<protocol::SystemMicros> since) const {
  protocol::FromPositions point{.positions = {}, .time = since};
  for (const auto& [channel, entry] : entries_) {
    if (!entry.known || (entry.epoch.empty() && !entry.epoch_refused)) continue;
    point.positions[channel] = {.offset = entry.offset, .epoch = entry.epoch};
  }
  return point;
}

std::optional<protocol::Position> ChannelBook::position(std::string_view channel) const {
  const auto found = entries_.find(channel);
  if (found == entries_.end() || !found->second.known) return std::nullopt;
  return protocol::Position{.offset = found->second.offset, .epoch = found->second.epoch};
}

}  // namespace wskit::tap
