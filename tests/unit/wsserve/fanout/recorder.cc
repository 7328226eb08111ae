#include "recorder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/protocol/event.h"
#include "common/websocket/deflate.h"

namespace wskit::server {
namespace {

struct Frame {
  unsigned char first = 0;
  std::string_view payload;
};

// Takes the first frame off `bytes`, by hand. A run that is not whole frames has
// a first byte of 0.
Frame take_frame(std::string_view& bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::size_t header = 2;
  std::size_t size = bytes.size() < 2 ? 0 : byte(1);
  if (size >= 126) {
    header += size == 126 ? 2 : 8;
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
  }
  if (bytes.size() < header || bytes.size() - header < size) {
    bytes = {};
    return {};
  }
  const Frame frame{byte(0), bytes.substr(header, size)};
  bytes.remove_prefix(header + size);
  return frame;
}

std::string inflate(std::string_view payload) {
  websocket::Inflater inflater(15, false);
  std::string text;
  EXPECT_EQ(inflater.inflate(payload, true, std::size_t{1} << 20, text), websocket::Inflater::Status::kOk);
  return text;
}

}  // namespace

std::string short_name(std::string_view text) {
  std::string storage;
  const auto event = protocol::decode_event(text, storage);
  if (!event) return event.error().message;
  return fmt::format("{}:{}", event->channel, event->offset);
}

void Recorder::note(std::string text) { texts_.push_back(std::move(text)); }

void Recorder::deliver(const ChunkPtr& run, std::uint32_t events) {
  EXPECT_NE(wire_form(), WireForm::kOwn);
  ++deliveries_;
  runs_.push_back(run);
  std::uint32_t frames = 0;
  for (std::string_view bytes = run->bytes(); !bytes.empty(); ++frames) {
    const Frame frame = take_frame(bytes);
    if (frame.first == 0xC1) {
      EXPECT_EQ(wire_form(), WireForm::kDeflated);
      ++compressed_;
      note(inflate(frame.payload));
    } else {
      EXPECT_EQ(frame.first, 0x81) << "neither a text frame nor a compressed one";
      note(std::string(frame.payload));
    }
  }
  EXPECT_EQ(frames, events);
}

void Recorder::deliver_each(std::span<const ChunkPtr> frames) {
  EXPECT_EQ(wire_form(), WireForm::kOwn);
  ++deliveries_;
  for (const ChunkPtr& frame : frames) note(std::string(frame->text()));
}

std::string Recorder::received() {
  std::string names;
  for (; reported_ < texts_.size(); ++reported_) {
    if (!names.empty()) names += ' ';
    names += short_name(texts_[reported_]);
  }
  return names;
}

}  // namespace wskit::server
