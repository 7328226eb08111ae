#include "wsserve/channel.h"

#include <bit>

#include "common/protocol/event.h"
#include "common/websocket/frame.h"
#include "wsserve/fanout/local_channel.h"
#include "wsserve/inbox.h"

namespace wskit::server {
namespace {

// The type is the first value of an event's text: {"type":"…
constexpr std::size_t kTypeBegin = sizeof(R"({"type":")") - 1;

boost::intrusive_ptr<Chunk> build_frame(const protocol::EventView& event) {
  websocket::FrameHeader header;
  header.payload_bytes = protocol::encoded_size(event);
  const std::size_t header_bytes = websocket::header_size(header);
  auto chunk = Chunk::make(header_bytes + header.payload_bytes);
  protocol::write_event(event, websocket::write_header(header, chunk->data()));
  chunk->event = {.offset = event.offset,
                  .header_bytes = static_cast<std::uint32_t>(header_bytes),
                  .type_begin = static_cast<std::uint32_t>(header_bytes + kTypeBegin),
                  .type_bytes = static_cast<std::uint32_t>(event.type.size())};
  return chunk;
}

}  // namespace

Channel::Channel(std::string name, std::string epoch, std::span<const std::unique_ptr<Inbox>> inboxes,
                 std::uint64_t interested_shards)
    : name_(std::move(name)),
      epoch_(std::move(epoch)),
      inboxes_(inboxes),
      interested_shards_(interested_shards),
      local_(inboxes.size()) {}

Channel::~Channel() = default;

std::uint64_t Channel::publish(const protocol::PublishEvent& event, std::string_view receive_time) {
  protocol::EventView view;
  view.type = event.type;
  view.channel = name_;
  view.timestamp = event.timestamp.empty() ? receive_time : event.timestamp;
  view.key = event.key;
  view.data = event.data;
  const std::lock_guard lock(mutex_);
  view.offset = ++offset_;
  const ChunkPtr frame = build_frame(view);
  for (std::uint64_t shards = interested_shards_; shards != 0; shards &= shards - 1) {
    inboxes_[static_cast<std::size_t>(std::countr_zero(shards))]->push(*this, frame);
  }
  return view.offset;
}

Position Channel::join(std::size_t shard, std::uint64_t& seam) {
  const std::lock_guard lock(mutex_);
  interested_shards_ |= std::uint64_t{1} << shard;
  seam = inboxes_[shard]->pushed();
  return {.offset = offset_, .epoch = epoch_};
}

void Channel::show_interest(std::size_t shard) {
  const std::lock_guard lock(mutex_);
  interested_shards_ |= std::uint64_t{1} << shard;
}

void Channel::lose_interest(std::size_t shard) {
  const std::lock_guard lock(mutex_);
  interested_shards_ &= ~(std::uint64_t{1} << shard);
}

Position Channel::position() const {
  const std::lock_guard lock(mutex_);
  return {.offset = offset_, .epoch = epoch_};
}

}  // namespace wskit::server
