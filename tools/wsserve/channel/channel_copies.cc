// Events that are published together with their copies in other channels, by the
// operator's routes.
#include <algorithm>

#include "wsserve/channel/channel.h"
#include "wsserve/frame/event_frame.h"

namespace wskit::server {
namespace {

// Locked in the order of their addresses, so that two who hold some of the same
// ones never wait for each other.
class Locks {
 public:
  explicit Locks(std::vector<std::mutex*> mutexes) {
    std::ranges::sort(mutexes, std::less<>());
    for (std::mutex* mutex : mutexes) locks_.emplace_back(*mutex);
  }

 private:
  std::vector<std::unique_lock<std::mutex>> locks_;
};

}  // namespace

// An event as another channel gets it.
struct Channel::Copy {
  Channel* channel;
  std::string key;  // that the channel's own rule found; its view refers to it
  protocol::EventView view;
};

// Copies in channels that are not durable of an event that is. What they need of
// it is in its frame.
class Channel::LaterCopies final : public store::Sequel {
 public:
  explicit LaterCopies(const Channel& source) : source_(source) {}

  void add(Copy&& copy) {
    copies_.push_back({copy.channel, std::move(copy.key)});
    ++copy.channel->later_copies_;
  }
  ~LaterCopies() override {
    for (const Later& copy : copies_) --copy.channel->later_copies_;
  }

  void stored(const Chunk& frame, protocol::SystemMicros received) override {
    for (const Later& copy : copies_) {
      protocol::EventView view = view_event_frame(frame, source_.name_);
      view.channel = copy.channel->name_;
      if (view.key.empty()) view.key = copy.key;
      copy.channel->append_later_copy(view, received);
    }
  }

 private:
  struct Later {
    Channel* channel;
    std::string key;
  };
  const Channel& source_;
  std::vector<Later> copies_;
};

Accepted Channel::publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                          std::span<Channel* const> copies, const ProducerPtr& producer) {
  if (copies.empty()) return publish(event, received, producer);
  std::string key;
  protocol::EventView view = view_of(event, received, key);
  std::vector<Copy> prepared = prepare_copies(view, event, copies);
  std::vector<std::mutex*> mutexes{&mutex_};
  for (const Copy& copy : prepared) mutexes.push_back(&copy.channel->mutex_);
  const Recognition by = recognition_of(event, producer);
  const Locks locks(std::move(mutexes));
  used_ = received.at;
  if (const auto known = recognise(by, received.at)) return *known;
  for (const Copy& copy : prepared) copy.channel->used_ = received.at;
  return accept(by, received.at, [&] {
    return stored_ == nullptr ? append_with_copies(view, received, prepared)
                              : store_with_copies(view, by, received, prepared);
  });
}

std::vector<Channel::Copy> Channel::prepare_copies(const protocol::EventView& view,
                                                   const protocol::PublishEvent& event,
                                                   std::span<Channel* const> channels) {
  std::vector<Copy> copies;
  copies.reserve(channels.size());
  for (Channel* channel : channels) {
    Copy& copy = copies.emplace_back(Copy{channel, {}, view});
    copy.view.channel = channel->name_;
    if (view.key.empty()) copy.view.key = channel->find_key(event, copy.key);
  }
  return copies;
}

Accepted Channel::append_with_copies(protocol::EventView& view, const ReceiveTime& received,
                                     std::span<Copy> copies) {
  // What may fail comes first, so that there is the event with its copies or nothing.
  ChunkPtr own = next_frame(view);
  std::vector<ChunkPtr> frames;
  frames.reserve(copies.size());
  std::vector<store::Record> records;
  for (Copy& copy : copies) {
    const bool durable = copy.channel->stored_ != nullptr;
    if (durable) records.push_back(copy.channel->make_record(copy.view, {}, received.at));
    frames.push_back(durable ? nullptr : copy.channel->next_frame(copy.view));
  }
  const std::size_t durable = records.size();
  std::optional<store::Ticket> ticket;
  if (durable > 0) ticket = home_.store->append_together(std::move(records));
  take(std::move(own), received.at);
  Accepted accepted{.offset = view.offset, .copies = copies.size() - durable};
  if (ticket) {
    accepted.copies += durable;
    accepted.copies_ticket = *ticket;
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    Channel& channel = *copies[i].channel;
    if (frames[i] != nullptr) {
      channel.take(std::move(frames[i]), received.at);
    } else if (ticket) {
      channel.queued(copies[i].view.offset, *ticket);
    }
  }
  return accepted;
}

Accepted Channel::store_with_copies(protocol::EventView& view, const Recognition& by,
                                    const ReceiveTime& received, std::span<Copy> copies) {
  std::vector<store::Record> records;
  records.push_back(make_record(view, by, received.at));
  auto later = std::make_unique<LaterCopies>(*this);
  for (Copy& copy : copies) {
    if (copy.channel->stored_ != nullptr) {
      records.push_back(copy.channel->make_record(copy.view, {}, received.at));
    } else {
      later->add(std::move(copy));
    }
  }
  records.front().sequel = std::move(later);
  const auto ticket = home_.store->append_together(std::move(records));
  if (!ticket) return {.unavailable = true};
  queued(view.offset, *ticket);
  for (const Copy& copy : copies) {
    if (copy.channel->stored_ != nullptr) copy.channel->queued(copy.view.offset, *ticket);
  }
  return {.offset = view.offset, .ticket = *ticket, .copies = copies.size()};
}

void Channel::append_later_copy(protocol::EventView view, protocol::SystemMicros received) {
  const std::lock_guard lock(mutex_);
  append(view, received);
}

}  // namespace wskit::server
