#include "wsserve/connection/outbound.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wskit::server {
namespace {

// The length of the server's frame that begins at `bytes` (RFC 6455 section
// 5.2; never masked). REQUIRES: its whole header.
std::size_t frame_size(std::string_view bytes) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t length = byte(1) & 0x7F;
  if (length < 126) return 2 + length;
  const std::size_t length_bytes = length == 126 ? 2 : 8;
  std::size_t payload = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) payload = payload << 8 | byte(2 + i);
  return 2 + length_bytes + payload;
}

// The first end of a frame at or behind `position`, and how many frames follow
// it up to `end`.
struct FrameScan {
  std::size_t boundary = 0;
  std::uint64_t frames_behind = 0;
};

FrameScan scan_frames(std::string_view bytes, std::size_t position, std::size_t end) {
  FrameScan scan;
  while (scan.boundary < position) scan.boundary += frame_size(bytes.substr(scan.boundary));
  for (std::size_t at = scan.boundary; at < end; ++scan.frames_behind) at += frame_size(bytes.substr(at));
  return scan;
}

}  // namespace

void Outbound::append_events(ChunkPtr run, std::size_t begin) {
  close_tail();
  const std::size_t end = run->size();
  push({std::move(run), begin, end, Kind::kEvents});
}

void Outbound::append_http(std::string_view response) {
  close_tail();
  push({Chunk::copy_of(response), 0, response.size(), Kind::kHttp});
}

bool Outbound::put_control(std::string_view frame, Control control) {
  static constexpr std::array kKinds{Kind::kClose, Kind::kPing, Kind::kPong};
  const Kind kind = kKinds[static_cast<std::size_t>(control)];
  const auto waiting = std::ranges::find_if(
      pieces_, [&](const Piece& piece) { return piece.kind == kind && piece.begin == 0; });
  const bool replaces = control != Control::kClose && waiting != pieces_.end();
  if (replaces) {
    piece_bytes_ -= waiting->size();
    reply_bytes_ -= waiting->size();
    pieces_.erase(waiting);
  }
  close_tail();
  std::size_t place = split_begun_frame();
  while (place < pieces_.size() && pieces_[place].is_control()) ++place;
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(place),
                 {Chunk::copy_of(frame), 0, frame.size(), kind});
  piece_bytes_ += frame.size();
  reply_bytes_ += frame.size();
  return replaces;
}

std::size_t Outbound::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  for (const Piece& piece : pieces_) {
    if (count == out.size()) return count;
    out[count++] = {const_cast<char*>(piece.chunk->data()) + piece.begin, piece.size()};
  }
  if (count < out.size() && tail_sent_ < tail_.size()) {
    out[count++] = {const_cast<char*>(tail_.data()) + tail_sent_, tail_.size() - tail_sent_};
  }
  return count;
}

void Outbound::sent(std::size_t bytes) {
  while (bytes > 0 && !pieces_.empty()) {
    Piece& piece = pieces_.front();
    const std::size_t part = std::min(bytes, piece.size());
    piece.begin += part;
    piece_bytes_ -= part;
    if (piece.kind != Kind::kEvents) reply_bytes_ -= part;
    bytes -= part;
    if (piece.size() == 0) pieces_.pop_front();
  }
  tail_sent_ += bytes;
  if (tail_sent_ == tail_.size()) {
    tail_.clear();
    tail_sent_ = whole_tail_ = 0;
  }
}

std::uint64_t Outbound::drop_unbegun() {
  close_tail();
  const std::size_t keep = split_begun_frame();
  std::size_t kept = 0;
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    Piece& piece = pieces_[i];
    if (i < keep || piece.is_control()) {
      if (kept != i) pieces_[kept] = std::move(piece);
      ++kept;
      continue;
    }
    if (piece.kind == Kind::kEvents) {
      dropped += scan_frames(piece.chunk->bytes(), piece.begin, piece.end).frames_behind;
    }
    piece_bytes_ -= piece.size();
    if (piece.kind != Kind::kEvents) reply_bytes_ -= piece.size();
  }
  pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(kept), pieces_.end());
  return dropped;
}

std::uint64_t Outbound::drop_stream() {
  constexpr std::string_view kEnd = "\n\n";
  std::uint64_t dropped = 0;
  for (const Piece& piece : pieces_) {
    if (piece.kind != Kind::kEvents) continue;
    // Half of an end may be written.
    const std::size_t begin = piece.begin == 0 ? 0 : piece.begin - 1;
    const std::string_view text = piece.chunk->bytes().substr(begin, piece.end - begin);
    for (std::size_t at = text.find(kEnd); at != std::string_view::npos; at = text.find(kEnd, at + 2)) {
      ++dropped;
    }
  }
  *this = {};
  return dropped;
}

void Outbound::take_back_unfinished() { tail_.resize(std::max(whole_tail_, tail_sent_)); }

void Outbound::shrink() {
  constexpr std::size_t kKeptReplyBytes = std::size_t{64} << 10;
  pieces_.shrink_to_fit();
  if (tail_.capacity() > kKeptReplyBytes) tail_ = {};
}

void Outbound::push(Piece piece) {
  if (piece.size() == 0) return;
  const std::size_t bytes = piece.size();
  const Kind kind = piece.kind;
  pieces_.push_back(std::move(piece));
  piece_bytes_ += bytes;
  if (kind != Kind::kEvents) reply_bytes_ += bytes;
}

void Outbound::close_tail() {
  if (tail_.empty()) return;
  push({Chunk::copy_of(tail_), tail_sent_, tail_.size(), Kind::kReplies});
  tail_.clear();
  tail_sent_ = whole_tail_ = 0;
}

std::size_t Outbound::split_begun_frame() {
  const auto frames =
      std::ranges::find_if(pieces_, [](const Piece& piece) { return piece.kind != Kind::kHttp; });
  if (frames == pieces_.end() || frames != pieces_.begin()) {
    return static_cast<std::size_t>(frames - pieces_.begin());
  }
  Piece& front = pieces_.front();
  if (front.begin == 0) return 0;
  const FrameScan scan = scan_frames(front.chunk->bytes(), front.begin, front.begin);
  if (scan.boundary == front.begin) return 0;
  if (scan.boundary >= front.end) return 1;
  Piece rest = front;
  rest.begin = scan.boundary;
  pieces_.insert(pieces_.begin() + 1, std::move(rest));
  pieces_.front().end = scan.boundary;
  return 1;
}

std::unique_ptr<Outbound> OutboundPool::take() {
  if (spares_.empty()) return std::make_unique<Outbound>();
  auto outbound = std::move(spares_.back());
  spares_.pop_back();
  return outbound;
}

void OutboundPool::give_back(std::unique_ptr<Outbound> outbound) {
  if (spares_.size() >= kSpares) return;
  outbound->shrink();
  spares_.push_back(std::move(outbound));
}

}  // namespace wskit::server
