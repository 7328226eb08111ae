#include "wsserve/fanout/local_channel.h"

#include <cstring>

#include "common/websocket/deflate.h"
#include "common/websocket/frame.h"
#include "wsserve/dialect/dialect.h"

namespace wskit::server {
namespace {

ChunkPtr deflate_frame(const Chunk& frame, websocket::Deflater& deflater) {
  std::string text;
  deflater.compress(frame.text(), text);
  if (text.size() >= frame.text().size()) return Chunk::copy_of(frame.bytes());
  const websocket::FrameHeader header{.payload_bytes = text.size(), .compressed = true};
  auto chunk = Chunk::make(websocket::header_size(header) + text.size());
  std::memcpy(websocket::write_header(header, chunk->data()), text.data(), text.size());
  return chunk;
}

}  // namespace

ChunkPtr in_form(const ChunkPtr& frame, WireForm form, websocket::Deflater& deflater) {
  if (form == WireForm::kCbor) {
    if (const Chunk* kept = frame->kept(Form::kCbor)) return ChunkPtr(kept);
    return ChunkPtr(frame->keep(Form::kCbor, cbor_dialect().frame_of(*frame)));
  }
  if (form != WireForm::kDeflated || frame->text().size() < kMinDeflatedBytes) return frame;
  if (const Chunk* kept = frame->kept(Form::kDeflated)) return ChunkPtr(kept);
  return ChunkPtr(frame->keep(Form::kDeflated, deflate_frame(*frame, deflater)));
}

LocalChannel::LocalChannel(Channel& channel)
    : exact(channel.name(), *this), channel_(channel), latest_(channel.delivery() == DeliveryMode::kLatest) {}

bool LocalChannel::became_lossless() {
  const bool was_latest = latest_;
  latest_ = channel_.delivery() == DeliveryMode::kLatest;
  return was_latest && !latest_;
}

const ChunkPtr& LocalChannel::joined(WireForm form, websocket::Deflater& deflater) {
  if (form == WireForm::kPlain && run.size() == 1) return run.front().frame;
  ChunkPtr& joined = joined_[static_cast<std::size_t>(form)];
  if (joined != nullptr) return joined;
  if (run.size() == 1) {
    joined = in_form(run.front().frame, form, deflater);
  } else {
    std::vector<ChunkPtr> frames;
    frames.reserve(run.size());
    for (const RunEntry& entry : run) frames.push_back(in_form(entry.frame, form, deflater));
    joined = Chunk::join(frames);
  }
  return joined;
}

void LocalChannel::end_turn() {
  run.clear();
  breaks = false;
  for (ChunkPtr& joined : joined_) joined.reset();
}

}  // namespace wskit::server
