#include "wsserve/connection/published_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace wskit::server {

PublishedReply::PublishedReply(std::string_view command_id, std::string_view acknowledged_at, bool is_batch,
                               std::span<const protocol::Published> published)
    : id(command_id), timestamp(acknowledged_at), batch(is_batch) {
  events.reserve(published.size());
  for (const protocol::Published& event : published) {
    events.push_back({.offset = event.offset,
                      .channel_bytes = static_cast<std::uint32_t>(event.channel.size()),
                      .epoch_bytes = static_cast<std::uint32_t>(event.epoch.size()),
                      .duplicate = event.duplicate});
    names += event.channel;
    names += event.epoch;
  }
}

bool PublishedReply::is_settled(broker::Ticket settled) const {
  return std::ranges::all_of(events, [&](const Event& event) { return event.ticket <= settled; });
}

SettledReply::SettledReply(const PublishedReply& reply,
                           const std::function<broker::Outcome(broker::Ticket)>& outcome)
    : reply_(reply) {
  published_.reserve(reply.events.size());
  epochs_.reserve(reply.events.size());
  std::string_view names = reply.names;
  for (const PublishedReply::Event& event : reply.events) {
    protocol::Published& published = published_.emplace_back();
    published.channel = names.substr(0, event.channel_bytes);
    published.epoch = names.substr(event.channel_bytes, event.epoch_bytes);
    published.offset = event.offset;
    published.duplicate = event.duplicate;
    names.remove_prefix(event.channel_bytes + event.epoch_bytes);
    if (event.ticket == 0 && !event.refused) continue;
    ++waited_;
    broker::Outcome became{.lost = event.refused};
    if (!event.refused) became = outcome(event.ticket);
    if (became.lost) {
      ++lost_;
      if (!event.duplicate) ++lost_first_;
      continue;
    }
    if (became.duplicate && !event.duplicate) {
      published.duplicate = true;
      ++late_duplicates_;
    }
    if (event.offset == 0) published.offset = became.offset;
    if (!became.epoch.empty()) published.epoch = epochs_.emplace_back(std::move(became.epoch));
  }
}

protocol::Error SettledReply::not_stored() const {
  return {
      protocol::ErrorCode::kUnavailable,
      fmt::format("{} of {} events could not be stored and were not accepted; send them again later, with "
                  "the same dedup ids or sequences",
                  lost_, waited_),
      fmt::format(R"({{"stored":{},"not_stored":{}}})", waited_ - lost_, lost_)};
}

void SettledReply::append_to(std::string& text) const {
  protocol::append_reply(text, reply_.id, reply_.timestamp,
                         protocol::PublishedAll{.events = published_, .batch = reply_.batch});
}

void SettledReply::append_data_to(std::string& text) const {
  protocol::append_reply_data(text, protocol::PublishedAll{.events = published_, .batch = reply_.batch});
}

}  // namespace wskit::server
