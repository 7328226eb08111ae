#include "wsserve/fanout/fanout.h"

#include <algorithm>
#include <new>
#include <utility>

#include "wsserve/channel/hub.h"

namespace wskit::server {
namespace {

constexpr std::uint64_t kUntilReleased = UINT64_MAX;

}  // namespace

Fanout::Fanout(Hub& hub, std::size_t shard, const Inbox& inbox)
    : hub_(hub), shard_(shard), inbox_(inbox), deflater_(15, false) {}

Fanout::~Fanout() = default;

LocalChannel& Fanout::local(Channel& channel) {
  if (LocalChannel* known = LocalChannel::of(channel, shard_)) return *known;
  auto made = std::make_unique<LocalChannel>(channel);
  made->patterns = audiences(channel.name());
  LocalChannel& local = *made;
  locals_.insert(&local);
  channel.local(shard_) = std::move(made);
  return local;
}

std::unique_ptr<Subscription> Fanout::subscribe(Subscriber& subscriber, Channel& channel,
                                                TypeFilterPtr filter, Position& position) {
  auto subscription = std::make_unique<Subscription>();
  subscription->subscriber = &subscriber;
  subscription->filter = std::move(filter);
  LocalChannel& here = local(channel);
  position = channel.join(shard_, subscription->seam);
  here.exact.add(*subscription);
  return subscription;
}

std::unique_ptr<Subscription> Fanout::subscribe(Subscriber& subscriber, const protocol::Pattern& pattern,
                                                TypeFilterPtr filter) {
  auto subscription = std::make_unique<Subscription>();
  subscription->subscriber = &subscriber;
  subscription->filter = std::move(filter);
  Audience& joined = ready_audience(pattern);
  subscription->seam = inbox_.pushed();
  joined.add(*subscription);
  return subscription;
}

void Fanout::visit_listeners(std::string_view channel, const std::function<void(Subscriber&)>& see) const {
  const auto see_all = [&see](const Audience& audience) {
    for (const Audience::Member& member : audience.members()) see(*member.subscriber);
  };
  if (const Audience* exact = audience_of(channel)) see_all(*exact);
  patterns_.visit(channel, [&](const std::unique_ptr<Audience>& audience) {
    see_all(*audience);
    return true;
  });
}

std::size_t Fanout::count_listeners(std::string_view channel) const {
  const Audience* exact = audience_of(channel);
  std::size_t count = exact == nullptr ? 0 : exact->members().size();
  patterns_.visit(channel, [&](const std::unique_ptr<Audience>& audience) {
    count += audience->members().size();
    return true;
  });
  return count;
}

void Fanout::visit_names(const std::function<void(const Audience&)>& see) const {
  for (const LocalChannel* channel : locals_) {
    if (!channel->exact.empty()) see(channel->exact);
  }
}

const Audience* Fanout::audience_of(std::string_view name) const {
  Channel* channel = hub_.find(name);
  const LocalChannel* here = channel == nullptr ? nullptr : LocalChannel::of(*channel, shard_);
  return here == nullptr || here->exact.empty() ? nullptr : &here->exact;
}

void Fanout::change_filter(Subscription& subscription, TypeFilterPtr filter) {
  flush_now(*subscription.subscriber);
  subscription.filter = std::move(filter);
  subscription.audience->wish_changed(subscription);
}

void Fanout::change_pace(Subscription& subscription, Pace pace) {
  flush_now(*subscription.subscriber);
  if (subscription.pace.asked_for() && !pace.asked_for()) subscription.subscriber->settle();
  subscription.pace = pace;
  subscription.audience->wish_changed(subscription);
}

void Fanout::look_at_delivery() {
  for (LocalChannel* channel : locals_) {
    if (!channel->became_lossless()) continue;
    const auto settle = [](const Audience& audience) {
      for (const Audience::Member& member : audience.members()) {
        try {
          member.subscriber->settle();
        } catch (...) {
          member.subscriber->delivery_failed();
        }
      }
    };
    settle(channel->exact);
    for (const Audience* audience : channel->patterns) settle(*audience);
  }
}

void Fanout::unsubscribe(std::unique_ptr<Subscription> subscription) {
  flush_now(*subscription->subscriber);
  Audience& audience = *subscription->audience;
  audience.remove(*subscription);
  if (!audience.empty()) return;
  if (audience.channel() != nullptr) {
    note_left(*audience.channel());
  } else {
    left_patterns_.push_back(audience.name());
  }
}

void Fanout::note_left(LocalChannel& channel) noexcept {
  try {
    left_channels_.push_back(&channel);
  } catch (const std::bad_alloc&) {
    any_left_ = true;
  }
}

void Fanout::hold(Subscriber& subscriber, const Channel& channel) {
  flush_now(subscriber);
  if (subscriber.forgotten_) return;
  if (subscriber.holds_ == nullptr) subscriber.holds_ = std::make_unique<Subscriber::Holds>();
  (*subscriber.holds_)[&channel] = kUntilReleased;
}

void Fanout::release(Subscriber& subscriber, const Channel& channel, std::uint64_t seam) {
  if (subscriber.forgotten_) return;
  (*subscriber.holds_)[&channel] = seam;
  passing_holds_.push_back({&subscriber, &channel, seam});
  ++subscriber.passing_holds_;
}

void Fanout::skip(Subscriber& subscriber, const Channel& channel, std::uint64_t seam) {
  if (seam <= collected_) return;
  hold(subscriber, channel);
  release(subscriber, channel, seam);
}

bool Fanout::holds(const Subscriber& subscriber, const Channel& channel) const {
  return held_until(subscriber, channel) == kUntilReleased;
}

std::vector<std::uint64_t> Fanout::on_the_way(const Subscriber& subscriber,
                                              std::span<const Stand> stands) const {
  std::vector<std::uint64_t> counts(stands.size());
  if (std::ranges::all_of(stands, [this](const Stand& stand) { return stand.seam <= collected_; })) {
    return counts;
  }
  std::unordered_map<const Channel*, std::vector<std::uint64_t>> numbers;
  for (const Stand& stand : stands) numbers.try_emplace(stand.channel);
  inbox_.look([&](std::uint64_t number, const Channel& channel) {
    if (const auto asked = numbers.find(&channel); asked != numbers.end()) asked->second.push_back(number);
  });
  for (std::size_t i = 0; i < stands.size(); ++i) {
    const std::vector<std::uint64_t>& waiting = numbers.at(stands[i].channel);
    const auto first = std::ranges::upper_bound(waiting, held_until(subscriber, *stands[i].channel));
    const auto last = std::ranges::upper_bound(waiting, stands[i].seam);
    if (first < last) counts[i] = static_cast<std::uint64_t>(last - first);
  }
  return counts;
}

void Fanout::drop_passed_holds() {
  while (!passing_holds_.empty() && passing_holds_.front().seam <= collected_) {
    const PassingHold passing = passing_holds_.front();
    passing_holds_.pop_front();
    --passing.subscriber->passing_holds_;
    auto& holds = passing.subscriber->holds_;
    if (holds == nullptr) continue;
    // It may have been taken anew.
    const auto hold = holds->find(passing.channel);
    if (hold != holds->end() && hold->second == passing.seam) holds->erase(hold);
    if (holds->empty()) holds.reset();
  }
}

void Fanout::forget(Subscriber& subscriber) {
  subscriber.forgotten_ = true;
  subscriber.first_interest_ = Subscriber::kNone;
  subscriber.holds_.reset();
  if (subscriber.passing_holds_ == 0) return;
  subscriber.passing_holds_ = 0;
  std::erase_if(passing_holds_,
                [&](const PassingHold& passing) { return passing.subscriber == &subscriber; });
}

void Fanout::collect(std::span<Delivery> deliveries, std::uint64_t first_number) {
  collected_ = first_number + deliveries.size() - 1;
  for (Delivery& delivery : deliveries) {
    try {
      add_to_run(delivery, first_number++);
    } catch (...) {
      fail_listeners(*delivery.channel);
    }
  }
  for (LocalChannel* channel : dirty_) {
    if (!channel->has_audience()) note_left(*channel);
    mark(*channel, channel->exact);
    for (const Audience* audience : channel->patterns) mark(*channel, *audience);
  }
}

void Fanout::add_to_run(Delivery& delivery, std::uint64_t number) {
  LocalChannel& channel = local(*delivery.channel);
  const bool is_first = channel.run.empty();
  if (is_first) dirty_.push_back(&channel);
  try {
    const bool breaks = delivery.frame == nullptr;
    channel.run.push_back({number, std::move(delivery.frame)});
    if (breaks) channel.breaks = true;
  } catch (...) {
    if (is_first) dirty_.pop_back();
    throw;
  }
}

void Fanout::fail_listeners(Channel& channel) noexcept {
  const auto fail = [](const Audience& audience) {
    for (const Audience::Member& member : audience.members()) member.subscriber->delivery_failed();
  };
  if (const LocalChannel* here = LocalChannel::of(channel, shard_)) fail(here->exact);
  patterns_.visit(channel.name(), [&fail](const std::unique_ptr<Audience>& audience) {
    if (audience != nullptr) fail(*audience);
    return true;
  });
}

void Fanout::fail_all() noexcept {
  for (const LocalChannel* channel : locals_) {
    for (const Audience::Member& member : channel->exact.members()) member.subscriber->delivery_failed();
  }
  patterns_.visit_all([](const std::unique_ptr<Audience>& audience) {
    if (audience == nullptr) return;
    for (const Audience::Member& member : audience->members()) member.subscriber->delivery_failed();
  });
}

void Fanout::mark(LocalChannel& channel, const Audience& audience) {
  const std::uint64_t first = channel.run.front().number;
  const bool seams_passed = audience.latest_seam() < first;
  const bool breaks = channel.breaks;
  for (const Audience::Member& member : audience.members()) {
    const bool plain = !member.cut && !breaks && (seams_passed || member.subscription->seam < first);
    try {
      add_interest(*member.subscriber, {&channel, member.subscription, Subscriber::kNone, plain});
    } catch (...) {
      member.subscriber->delivery_failed();
    }
  }
}

void Fanout::add_interest(Subscriber& subscriber, Interest interest) {
  if (subscriber.holds_ != nullptr) interest.plain = false;
  const auto index = static_cast<std::uint32_t>(interests_.size());
  // What may be thrown is thrown before anything refers to the new one.
  if (subscriber.turn_ != turn_) {
    due_.push_back(&subscriber);
    interests_.push_back(interest);
    subscriber.turn_ = turn_;
    subscriber.first_interest_ = index;
  } else {
    // Two subscriptions to one channel (a name and a pattern): its audiences are
    // marked one after the other, so the first one is the last in the list.
    Interest& last = interests_[subscriber.last_interest_];
    if (last.channel == interest.channel && (last.plain || interest.plain)) {
      if (!last.plain) last.subscription = interest.subscription;
      last.plain = true;
      return;
    }
    interests_.push_back(interest);
    interests_[subscriber.last_interest_].next = index;
  }
  subscriber.last_interest_ = index;
}

void Fanout::flush(std::size_t slice, const std::function<void()>& between) {
  std::size_t in_slice = 0;
  for (std::size_t i = 0; i < due_.size(); ++i) {
    try {
      hand_over(*due_[i]);
    } catch (...) {
      // What was being made for this one may have been meant for the next ones too.
      merged_ = {};
      due_[i]->delivery_failed();
    }
    if (++in_slice == slice && i + 1 < due_.size()) {
      in_slice = 0;
      between();
    }
  }
  end_turn();
}

void Fanout::flush_now(Subscriber& subscriber) {
  if (subscriber.turn_ == turn_) hand_over(subscriber);
}

void Fanout::hand_over(Subscriber& subscriber) {
  if (subscriber.first_interest_ == Subscriber::kNone) return;
  const Interest& first = interests_[subscriber.first_interest_];
  bool plain = !subscriber.waiting_;
  for (std::uint32_t i = subscriber.first_interest_; i != Subscriber::kNone; i = interests_[i].next) {
    plain = plain && interests_[i].plain && !(subscriber.congested_ && interests_[i].channel->is_latest());
  }
  // Whatever comes of it, it is handed over once.
  struct HandedOver {
    Subscriber& subscriber;
    ~HandedOver() { subscriber.first_interest_ = Subscriber::kNone; }
  } const handed_over{subscriber};
  if (!plain) {
    hand_over_picked(subscriber);
  } else if (first.next == Subscriber::kNone) {
    hand_over_one(subscriber, *first.channel);
  } else {
    hand_over_merged(subscriber);
  }
}

void Fanout::hand_over_one(Subscriber& subscriber, LocalChannel& channel) {
  const WireForm form = subscriber.wire_form();
  if (form == WireForm::kOwn) {
    std::vector<ChunkPtr> frames;
    for (const RunEntry& entry : channel.run) frames.push_back(entry.frame);
    subscriber.deliver_each(frames);
    return;
  }
  subscriber.deliver(channel.joined(form, deflater_), static_cast<std::uint32_t>(channel.run.size()));
}

void Fanout::hand_over_merged(Subscriber& subscriber) {
  gathered_channels_.clear();
  for (std::uint32_t i = subscriber.first_interest_; i != Subscriber::kNone; i = interests_[i].next) {
    gathered_channels_.push_back(interests_[i].channel);
  }
  if (gathered_channels_ != merged_.channels) {
    merged_ = {};
    gathered_.clear();
    for (const LocalChannel* channel : gathered_channels_) {
      gathered_.insert(gathered_.end(), channel->run.begin(), channel->run.end());
    }
    sort_gathered();
    for (RunEntry& entry : gathered_) merged_.frames.push_back(std::move(entry.frame));
    // Last, for now it is whole.
    merged_.channels = gathered_channels_;
  }
  const WireForm form = subscriber.wire_form();
  if (form == WireForm::kOwn) return subscriber.deliver_each(merged_.frames);
  ChunkPtr& joined = merged_.joined[static_cast<std::size_t>(form)];
  if (joined == nullptr) {
    std::vector<ChunkPtr> frames;
    for (const ChunkPtr& frame : merged_.frames) frames.push_back(in_form(frame, form, deflater_));
    joined = Chunk::join(frames);
  }
  subscriber.deliver(joined, static_cast<std::uint32_t>(merged_.frames.size()));
}

std::uint64_t Fanout::held_until(const Subscriber& subscriber, const Channel& channel) {
  if (subscriber.holds_ == nullptr) return 0;
  const auto hold = subscriber.holds_->find(&channel);
  return hold == subscriber.holds_->end() ? 0 : hold->second;
}

Fanout::Verdict Fanout::judge(const RunEntry& entry, std::uint32_t first, std::uint32_t end) const {
  Verdict verdict;
  for (std::uint32_t i = first; i != end; i = interests_[i].next) {
    const Subscription& subscription = *interests_[i].subscription;
    if (interests_[i].plain) return {true, true, {}};
    if (entry.number <= subscription.seam) continue;
    verdict.due = true;
    if (entry.frame == nullptr) return verdict;
    if (subscription.filter != nullptr && !subscription.filter->passes(entry.frame->type())) continue;
    // The least spared subscription decides.
    if (!subscription.pace.asked_for()) return {true, true, {}};
    if (!verdict.passes || subscription.pace.interval < verdict.pace.interval)
      verdict.pace = subscription.pace;
    verdict.passes = true;
  }
  return verdict;
}

void Fanout::hand_over_picked(Subscriber& subscriber) {
  gathered_.clear();
  std::uint32_t filtered = 0;
  for (std::uint32_t i = subscriber.first_interest_; i != Subscriber::kNone;) {
    // All interests in one channel stand together; an event passes if one of
    // them lets it.
    LocalChannel* channel = interests_[i].channel;
    std::uint32_t end = i;
    while (end != Subscriber::kNone && interests_[end].channel == channel) end = interests_[end].next;
    const std::uint64_t held = held_until(subscriber, channel->channel());
    // Where some events of a channel may wait and others may not, neither kind
    // overtakes the other.
    bool gathered_here = false;
    for (const RunEntry& entry : channel->run) {
      if (entry.number <= held) continue;
      const Verdict verdict = judge(entry, i, end);
      if (entry.frame == nullptr) {
        if (!verdict.due) continue;
        deliver_gathered(subscriber);
        gathered_here = false;
        if (subscriber.waiting_) subscriber.deliver_waiting(channel->channel());
        subscriber.channel_broke(channel->channel());
      } else if (!verdict.passes) {
        if (verdict.due) ++filtered;
      } else if (channel->is_latest() || verdict.pace.asked_for()) {
        if (gathered_here) deliver_gathered(subscriber);
        gathered_here = false;
        subscriber.deliver_latest(channel->channel(), entry.frame, verdict.pace.interval);
      } else {
        if (subscriber.waiting_) subscriber.deliver_waiting(channel->channel());
        gathered_.push_back(entry);
        gathered_here = true;
      }
    }
    i = end;
  }
  if (filtered > 0) subscriber.count_filtered(filtered);
  deliver_gathered(subscriber);
}

void Fanout::deliver_gathered(Subscriber& subscriber) {
  if (gathered_.empty()) return;
  sort_gathered();
  std::vector<ChunkPtr> frames;
  for (RunEntry& entry : gathered_) {
    frames.push_back(in_form(entry.frame, subscriber.wire_form(), deflater_));
  }
  gathered_.clear();
  deliver(subscriber, frames);
}

void Fanout::replay(Subscriber& subscriber, std::span<const ChunkPtr> frames) {
  std::vector<ChunkPtr> formed;
  formed.reserve(frames.size());
  for (const ChunkPtr& frame : frames) formed.push_back(in_form(frame, subscriber.wire_form(), deflater_));
  deliver(subscriber, formed);
}

void Fanout::deliver(Subscriber& subscriber, std::span<const ChunkPtr> frames) {
  if (subscriber.wire_form() == WireForm::kOwn) return subscriber.deliver_each(frames);
  const ChunkPtr run = frames.size() == 1 ? frames.front() : Chunk::join(frames);
  subscriber.deliver(run, static_cast<std::uint32_t>(frames.size()));
}

void Fanout::sort_gathered() { std::ranges::sort(gathered_, {}, &RunEntry::number); }

void Fanout::end_turn() {
  for (LocalChannel* channel : dirty_) channel->end_turn();
  dirty_.clear();
  due_.clear();
  interests_.clear();
  merged_ = {};
  gathered_.clear();
  ++turn_;
  if (!passing_holds_.empty()) drop_passed_holds();
}

}  // namespace wskit::server
