#include "wsserve/connection/writer.h"

#include <array>
#include <cerrno>
#include <utility>

#include "wsserve/connection/host.h"

namespace wskit::server {

Writer::Writer(Host& host, Owner& owner, OwnedFd socket)
    : host_(host), owner_(owner), transport_(std::move(socket)) {}

Writer::~Writer() = default;

// --- What is written at the end of the turn ------------------------------------

Outbound& Writer::outbound() {
  if (outbound_ == nullptr) outbound_ = host_.outbounds.take();
  return *outbound_;
}

void Writer::queue_changed(std::size_t bytes_before) {
  outbound_->finish_reply();
  host_.counters.queued_bytes.add(outbound_->bytes() - bytes_before);
  if (outbound_->reply_bytes() > host_.settings->queue_limit_bytes && blocked_ && !paused_) {
    paused_ = true;
    owner_.watch();
  }
  if (!blocked_) flush_later();
}

void Writer::put_http(std::string_view text) {
  outbound().append_http(text);
  host_.counters.queued_bytes.add(text.size());
}

void Writer::flush_later() {
  if (marked_dirty_) return;
  owner_.flush_later();
  marked_dirty_ = true;
}

void Writer::take_back_unfinished() {
  if (outbound_ != nullptr) outbound_->take_back_unfinished();
}

// --- What is written at once -----------------------------------------------------

Writer::Outcome Writer::write(const ChunkPtr& run) {
  if (outbound_ == nullptr) return write_directly(run) ? Outcome::kTaken : Outcome::kLost;
  // A peer that keeps up has an empty queue and may get a run of any size.
  if (blocked_ && outbound_->bytes() + run->size() > host_.settings->queue_limit_bytes) return Outcome::kFull;
  const std::size_t before = outbound_->bytes();
  outbound_->append_events(run);
  host_.counters.queued_bytes.add(outbound_->bytes() - before);
  if (!blocked_) flush();
  return Outcome::kTaken;
}

// The common case: nothing waits, so the run goes to the socket without passing
// through a queue. False if the connection is lost.
bool Writer::write_directly(const ChunkPtr& run) {
  const ssize_t sent = transport_.send(run->data(), run->size());
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    owner_.lost({});
    return false;
  }
  const std::size_t written = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  host_.counters.bytes_out.add(written);
  bytes_out_ += written;
  if (written == run->size() && transport_.drained()) return true;
  if (written < run->size()) {
    try {
      outbound().append_events(run, written);
    } catch (...) {
      // Nothing can follow half a frame.
      if (written > 0) owner_.lost("the server failed");
      throw;
    }
    host_.counters.queued_bytes.add(outbound_->bytes());
  }
  blocked_ = true;
  owner_.watch();
  return true;
}

void Writer::flush() {
  marked_dirty_ = false;
  if (is_idle()) return;
  if (outbound_ == nullptr && !transport_.push()) return owner_.lost({});
  std::array<iovec, 64> slices;
  bool has_sent = false;
  blocked_ = false;
  while (outbound_ != nullptr && !outbound_->empty()) {
    const ssize_t sent = transport_.send({slices.data(), outbound_->gather(slices)});
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      blocked_ = true;
      break;
    }
    if (sent < 0) return owner_.lost({});
    const auto written = static_cast<std::size_t>(sent);
    outbound_->sent(written);
    has_sent = true;
    bytes_out_ += written;
    host_.counters.bytes_out.add(written);
    host_.counters.queued_bytes.subtract(written);
  }
  if (outbound_ != nullptr) {
    if (paused_ && outbound_->reply_bytes() <= host_.settings->queue_limit_bytes / 2) paused_ = false;
    if (outbound_->empty()) host_.outbounds.give_back(std::move(outbound_));
  }
  // The last answer may still lie in the store.
  const bool finished = outbound_ == nullptr && finishing_ && !owner_.owes_answers();
  if (finished && !shut_) shut_ = transport_.shut();
  // Nor will a peer that has taken its leave say that it has gone.
  if (shut_ && transport_.over()) return owner_.lost({});
  blocked_ = blocked_ || !transport_.drained();
  owner_.flushed(has_sent);
}

// --- What waits ------------------------------------------------------------------

bool Writer::takes_answers() {
  const std::size_t limit = host_.settings->queue_limit_bytes;
  if (outbound_ != nullptr && outbound_->reply_bytes() > limit) flush();
  return outbound_ == nullptr || outbound_->reply_bytes() <= limit;
}

void Writer::count_dropped(std::size_t bytes_before) {
  host_.counters.queued_bytes.subtract(bytes_before - outbound_->bytes());
}

// Without a queue it is the newest events of too many keys that wait.
std::uint64_t Writer::drop_unbegun() {
  if (outbound_ == nullptr) return 0;
  const std::size_t before = outbound_->bytes();
  const std::uint64_t events = outbound_->drop_unbegun();
  count_dropped(before);
  return events;
}

std::uint64_t Writer::drop_stream() {
  if (outbound_ == nullptr) return 0;
  const std::size_t before = outbound_->bytes();
  const std::uint64_t events = outbound_->drop_stream();
  count_dropped(before);
  return events;
}

// --- The end ---------------------------------------------------------------------

void Writer::give_up_tls() {
  transport_.give_up_tls();
  finishing_ = true;
  shut_ = transport_.shut();
  blocked_ = false;
  owner_.watch();
}

void Writer::look_at_tls() {
  if (transport_.drained() || blocked_) return;
  blocked_ = true;
  owner_.watch();
}

void Writer::abandon() noexcept {
  if (outbound_ == nullptr) return;
  outbound_->take_back_unfinished();
  host_.counters.queued_bytes.subtract(outbound_->bytes());
  outbound_.reset();
}

}  // namespace wskit::server
