#include "wsserve/connection/peer.h"

#include <utility>

#include "wsserve/channel/channel.h"
#include "wsserve/connection/host.h"
#include "wsserve/presence/record.h"

namespace wskit::server {

using protocol::CloseCode;

Peer::~Peer() = default;

Peer::Sparing& Peer::sparing() {
  if (sparing_ == nullptr) sparing_ = std::make_unique<Sparing>();
  return *sparing_;
}

// --- Answers ---------------------------------------------------------------------

void Peer::send_text(std::string_view json) {
  if (!open_) return;
  ++replies_;
  queue_text(json);
}

void Peer::await(PublishedReply reply) {
  if (open_) connection_.await(std::move(reply));
}

void Peer::pause_reading() {
  if (open_) connection_.pause_reading();
}

void Peer::close_if_insisting() {
  if (!client().insists()) return;
  host().counters.closed_rate.add();
  close(CloseCode::kRateLimited, "rate limited: it went on without waiting as it was told; come back slower");
}

// --- Who it is -------------------------------------------------------------------

bool Peer::sign_in(auth::IdentityPtr identity, std::optional<FirstSubscriptions>& first) {
  first = client().sign_in(std::move(identity));
  if (const auto reason = client().enter_as_user()) {
    host().counters.refused.add();
    close(CloseCode::kTryAgainLater, *reason);
    return false;
  }
  schedule_beat();
  return true;
}

void Peer::count_refused_token() {
  if (!client().count_refused_token()) return;
  host().counters.closed_unauthorized.add();
  close(CloseCode::kUnauthorized, "too many tokens that are not right");
}

protocol::DeliveryCounters Peer::counters() const {
  const Sparing none;
  const Sparing& mine = sparing_ == nullptr ? none : *sparing_;
  return {.delivered = delivered_,
          .merged = mine.merged,
          .filtered = mine.filtered,
          .dropped = mine.dropped,
          .queued_bytes = writer().queued_bytes() + (latest_ == nullptr ? 0 : latest_->conflation.bytes())};
}

std::string Peer::describe() const {
  std::vector<std::string_view> names;
  for (const auto& subscription : subscriptions_) names.emplace_back(subscription->name());
  const auto silence =
      std::chrono::duration_cast<std::chrono::microseconds>(host().now - connection_.last_heard());
  const people::Record record{.connected_at = connected_at_,
                              .messages_in = messages_in_,
                              .replies = replies_,
                              .bytes_in = connection_.bytes_in(),
                              .bytes_out = writer().bytes_out()};
  return people::to_json({.connection = client().id(),
                          .user = client().user(),
                          .address = client().address().to_string(),
                          .kind = kind(),
                          .last_seen = protocol::system_now() - silence,
                          .record = record,
                          .counters = counters(),
                          .subscriptions = std::move(names)});
}

// --- Subscriptions ---------------------------------------------------------------

void Peer::set_defaults(TypeFilterPtr filter, const Pace& pace) {
  if (filter == nullptr && !pace.asked_for()) return;
  sparing().default_filter = std::move(filter);
  sparing().default_pace = pace;
}

TypeFilterPtr Peer::default_filter() const {
  return sparing_ == nullptr ? nullptr : sparing_->default_filter;
}

Pace Peer::default_pace() const { return sparing_ == nullptr ? Pace() : sparing_->default_pace; }

bool Peer::hears(const Channel& channel) const { return hears(channel.name()); }

void Peer::drop_subscriptions() noexcept {
  host().counters.subscriptions.subtract(subscriptions_.size());
  for (std::unique_ptr<Subscription>& subscription : subscriptions_.take_all()) {
    host().guard("telling that somebody has left",
                 [&] { host().commands.leaving(*this, subscription->name()); });
    host().guard("taking back a subscription", [&] { host().fanout.unsubscribe(std::move(subscription)); });
  }
}

// --- Events ----------------------------------------------------------------------

void Peer::deliver(const ChunkPtr& run, std::uint32_t events) {
  if (!open_) return;
  const Writer::Outcome outcome = writer().write(run);
  if (outcome == Writer::Outcome::kLost) return;
  if (outcome == Writer::Outcome::kFull) return overflow(events);
  delivered_ += events;
  host().counters.delivered.add(events);
}

void Peer::count_filtered(std::uint32_t events) {
  sparing().filtered += events;
  host().counters.filtered.add(events);
}

// Whoever is about to drop something calls sparing() before, for it takes memory.
void Peer::count_dropped(std::uint64_t events) {
  if (events == 0) return;
  sparing().dropped += events;
  host().counters.dropped.add(events);
}

void Peer::overflow(std::uint32_t events) {
  const std::uint64_t waited = counters().queued_bytes;
  (void)sparing();
  count_dropped(forget_latest() + events);
  host().counters.closed_slow.add();
  close(CloseCode::kSlowConsumer,
        "slow consumer: " + std::to_string(waited) + " bytes waited; come back with since and read faster");
}

void Peer::hand_over_rest() {
  host().fanout.flush_now(*this);
  if (open_ && latest_ != nullptr) drain_latest(Clock::time_point::max());
}

void Peer::drop_rest() {
  (void)sparing();
  const std::uint64_t queued = drop_queue();
  delivered_ -= queued;
  host().counters.delivered.take_back(queued);
  count_dropped(queued);
}

void Peer::delivery_failed() noexcept {
  if (open_) host().failed(connection_, "the delivery of events");
}

void Peer::announce(std::string_view channel, const ChunkPtr& frame) {
  const bool takes = open_ && takes_announcements() && !client().identity().awaits_token;
  if (takes && !hears(channel)) host().fanout.replay(*this, {&frame, 1});
}

void Peer::note_pressure() {
  set_congested(writer().is_blocked() || has_latest());
  set_waiting(has_latest());
}

}  // namespace wskit::server
