#include "wsbench/worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "wsbench/affinity.h"
#include "wsbench/event_text.h"

namespace wskit::bench {
namespace {

constexpr std::size_t kReceiveBytes = std::size_t{256} << 10;
constexpr std::size_t kTallies = 4096;
constexpr std::size_t kStampFromEnd = kStampBytes + kAfterStamp.size();

}  // namespace

Worker::Worker(RunContext& context)
    : context_(context),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      buffer_(kReceiveBytes),
      tallies_(context.publishers.size()) {
  if (!epoll_ || !wake_) throw std::system_error(errno, std::generic_category(), "epoll");
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

Worker::~Worker() {
  stop();
  join();
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) close_hard(connection.fd);
  }
}

void Worker::add_subscriber(std::uint32_t subscriber, std::size_t number) {
  Connection& connection = connections_.emplace_back();
  connection.index = subscriber;
  connection.number = number;
  connection.channel = context_.topology.channel_of_subscriber(subscriber);
  connection.first_check = checks_.size();
  const Topology& topology = context_.topology;
  if (!context_.delivers()) return;
  for (std::uint32_t source = 0; source < topology.sources_of(connection.channel); ++source) {
    checks_.emplace_back(topology.first_sequence(connection.channel),
                         topology.channels_of(topology.publisher_of(connection.channel, source)));
  }
}

void Worker::add_publisher(std::uint32_t publisher, std::size_t number) {
  Connection& connection = connections_.emplace_back();
  connection.index = publisher;
  connection.number = number;
  connection.publishes = true;
  connection.first_check = checks_.size();
  if (context_.acknowledged) checks_.emplace_back(0, 1);
}

void Worker::start(std::vector<int> cpus) {
  thread_ = std::thread([this, cpus = std::move(cpus)] {
    pin_this_thread(cpus);
    thread_id_.store(gettid(), std::memory_order_release);
    run();
  });
}

void Worker::stop() {
  stopping_.store(true, std::memory_order_release);
  poke();
}

void Worker::poke() {
  const std::uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) != sizeof one) return;  // it is awake already
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

ThreadLoad Worker::load() const {
  const int thread = thread_id_.load(std::memory_order_acquire);
  return thread == 0 ? ThreadLoad{} : thread_load(thread);
}

void Worker::run() {
  std::array<epoll_event, 128> events{};
  connecting_since_ = now();
  while (!stopping_.load(std::memory_order_acquire)) {
    begin_connections();
    const int ready =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_milliseconds());
    measure_from_ = context_.measure_from.load(std::memory_order_relaxed);
    measure_to_ = context_.measure_to.load(std::memory_order_relaxed);
    for (int at = 0; at < ready; ++at) {
      const epoll_event& event = events[static_cast<std::size_t>(at)];
      if (event.data.ptr == nullptr) {
        on_wake();
      } else {
        handle(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    finish_turn();
  }
}

void Worker::handle(Connection& connection, std::uint32_t events) {
  if (connection.state == State::kClosed) return;
  if (connection.state == State::kConnecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) on_connected(connection);
    if (connection.state != State::kUpgrading && connection.state != State::kHandshaking) return;
  }
  if (connection.tls != nullptr) connection.tls->push();
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLERR | EPOLLHUP;
  if ((events & (EPOLLIN | kEnd)) != 0) {
    receive(connection, (events & kEnd) != 0 ? ReadUntil::kEnd : ReadUntil::kShort);
  }
  if (connection.publishes && connection.state == State::kOpen) to_pump_.push_back(connection.index);
}

void Worker::on_wake() {
  std::uint64_t times = 0;
  if (read(wake_.get(), &times, sizeof times) < 0) return;
  for (const Connection& connection : connections_) {
    if (connection.publishes && connection.state == State::kOpen) to_pump_.push_back(connection.index);
  }
}

void Worker::receive(Connection& connection, ReadUntil until) {
  for (;;) {
    const std::size_t begun = connection.unread.size();
    if (begun != 0) {
      if ((begun + tls::Stream::kHeadroom) * 2 > buffer_.size()) buffer_.resize(buffer_.size() * 2);
      std::memcpy(buffer_.data(), connection.unread.data(), begun);
      connection.unread.clear();
    }
    const std::span<char> room = std::span(buffer_).subspan(begun);
    const ssize_t got = receive_some(connection, room);
    const int error = got < 0 ? errno : 0;
    if (got <= 0 && error != EAGAIN && connection.tls != nullptr) {
      return on_tls_end(connection, error);
    }
    if (connection.state == State::kHandshaking && connection.tls->established()) on_established(connection);
    if (got < 0 && error == EAGAIN) {
      if (begun != 0) connection.unread.assign(buffer_.data(), begun);
      return;
    }
    if (got < 0) return close_connection(connection, std::generic_category().message(error));
    if (got == 0) return close_connection(connection, "the server closed the connection");
    received_at_ = now();
    std::string_view bytes(buffer_.data(), begun + static_cast<std::size_t>(got));
    if (connection.state != State::kUpgrading || on_response(connection, bytes)) {
      const std::size_t used = scan_frames(
          bytes, [&](std::string_view message) { on_message(connection, message); },
          [&](const ScannedFrame& frame) { return on_frame(connection, frame); });
      bytes.remove_prefix(used);
    }
    if (connection.state == State::kClosed) return;
    if (!bytes.empty()) connection.unread.assign(bytes);
    const bool all = connection.tls == nullptr ? static_cast<std::size_t>(got) < room.size()
                                               : !connection.tls->may_have_more();
    if (until == ReadUntil::kShort && all) return;
  }
}

void Worker::on_message(Connection& connection, std::string_view message) {
  if (message.size() >= kStampFromEnd) [[likely]] {
    const char* stamp = message.data() + message.size() - kStampFromEnd;
    if (std::memcmp(stamp, context_.run.data(), kRunBytes) == 0) [[likely]] {
      results_.delivered_bytes += message.size();
      return on_delivery(connection, stamp);
    }
  }
  on_server_message(connection, message);
}

void Worker::on_delivery(Connection& connection, const char* stamp_text) {
  Stamp stamp;
  const Topology& topology = context_.topology;
  if (!read_stamp(stamp_text, stamp) || stamp.publisher >= topology.publishers || connection.publishes ||
      !context_.delivers()) [[unlikely]] {
    ++results_.faults.corrupt;
    return;
  }
  const std::uint32_t source = topology.source_index(stamp.publisher);
  if (topology.channel_of_event(stamp.publisher, stamp.sequence) != connection.channel) [[unlikely]] {
    ++results_.faults.corrupt;
    return;
  }
  SequenceCheck& check = checks_[connection.first_check + source];
  const std::uint64_t due_next = check.expected();
  switch (check.accept(stamp.sequence)) {
    case SequenceCheck::Verdict::kNext:
      [[likely]] break;
    case SequenceCheck::Verdict::kAhead:
      // Nobody waits for what was skipped: should it come after all, it is late.
      for (std::uint64_t skipped = due_next; skipped < stamp.sequence; skipped += check.step()) {
        count_towards_window(stamp.publisher, skipped);
      }
      break;
    case SequenceCheck::Verdict::kLate:
      ++deliveries_;
      return;
    case SequenceCheck::Verdict::kDuplicate:
      return;
    case SequenceCheck::Verdict::kForeign:
      ++results_.faults.corrupt;
      return;
  }
  ++deliveries_;
  if (stamp.due >= measure_from_ && stamp.due < measure_to_) {
    const Nanos received = received_at_ - context_.base;
    results_.service.record(received - stamp.sent);
    if (context_.open_loop) results_.latency.record(received - stamp.due);
  }
  if (!connection.probed) [[unlikely]] {
    connection.probed = true;
    counters_.probed.fetch_add(1);
  }
  count_towards_window(stamp.publisher, stamp.sequence);
}

void Worker::on_ack(Connection& connection, std::uint64_t sequence) {
  if (!context_.acknowledged || !connection.publishes) return;
  ++acks_;
  Publisher& publisher = *context_.publishers[connection.index];
  if (sequence >= publisher.sent()) {
    ++results_.faults.corrupt;
    return;
  }
  SequenceCheck& check = checks_[connection.first_check];
  const std::uint64_t due_next = check.expected();
  const SequenceCheck::Verdict verdict = check.accept(sequence);
  if (verdict == SequenceCheck::Verdict::kAhead) {
    for (std::uint64_t skipped = due_next; skipped < sequence; ++skipped) {
      count_towards_window(connection.index, skipped);
    }
  }
  if (const auto times = publisher.times_of(sequence)) {
    if (times->due >= measure_from_ && times->due < measure_to_) {
      results_.ack.record(received_at_ - context_.base - times->due);
    }
  }
  if (!connection.probed) {
    connection.probed = true;
    counters_.probed.fetch_add(1);
  }
  if (verdict != SequenceCheck::Verdict::kDuplicate && verdict != SequenceCheck::Verdict::kLate) {
    count_towards_window(connection.index, sequence);
  }
}

void Worker::on_server_message(Connection& connection, std::string_view message) {
  const ServerMessage meaning = classify(message);
  switch (meaning.kind) {
    case ServerMessage::Kind::kPublished:
      return on_ack(connection, meaning.id);
    case ServerMessage::Kind::kSubscribed:
      if (connection.state == State::kSubscribing) become_open(connection);
      return;
    case ServerMessage::Kind::kError:
      context_.fail(Failure::Kind::kRefused, "the server answered " + std::string(message.substr(0, 300)) +
                                                 (meaning.wants_token ? kTokenHint : ""));
      return;
    case ServerMessage::Kind::kEvent:
      ++results_.faults.corrupt;  // on our channel, but not ours, or damaged
      return;
    case ServerMessage::Kind::kOther:
      return;
  }
}

void Worker::count_towards_window(std::uint32_t publisher, std::uint64_t sequence) {
  if (context_.open_loop) return;
  std::vector<Tally>& tallies = tallies_[publisher];
  if (tallies.empty()) tallies.resize(kTallies);
  const std::size_t slot = sequence % kTallies;
  Tally& tally = tallies[slot];
  if (tally.deliveries != 0 && tally.sequence != sequence) tell_window(publisher, tally);
  if (tally.deliveries == 0) {
    tally.sequence = sequence;
    touched_.emplace_back(publisher, slot);
  }
  ++tally.deliveries;
}

void Worker::tell_window(std::uint32_t publisher, Tally& tally) {
  if (context_.publishers[publisher]->received(tally.sequence, tally.deliveries))
    to_pump_.push_back(publisher);
  tally.deliveries = 0;
}

void Worker::finish_turn() {
  for (const auto& [publisher, slot] : touched_) {
    Tally& tally = tallies_[publisher][slot];
    if (tally.deliveries != 0) tell_window(publisher, tally);
  }
  touched_.clear();
  counters_.deliveries.store(deliveries_, std::memory_order_relaxed);
  counters_.acks.store(acks_, std::memory_order_relaxed);
  // Last, and each once: what a publisher sends now shall be as much as it may.
  std::uint32_t before = UINT32_MAX;
  for (const std::uint32_t publisher : to_pump_) {
    if (publisher != before) context_.publishers[publisher]->pump(results_.lag);
    before = publisher;
  }
  to_pump_.clear();
}

bool Worker::on_frame(Connection& connection, const ScannedFrame& frame) {
  using websocket::Opcode;
  if (!frame.valid) {
    close_connection(connection, "the server broke RFC 6455: a reserved bit or a mask");
    return false;
  }
  switch (frame.opcode) {
    case Opcode::kPing:
      send_frame(connection, Opcode::kPong, frame.payload);
      return true;
    case Opcode::kPong:
      return true;
    case Opcode::kClose: {
      std::string reason = "the server closed the connection";
      if (frame.payload.size() >= 2) {
        const auto code = static_cast<unsigned>(static_cast<std::uint8_t>(frame.payload[0]) << 8 |
                                                static_cast<std::uint8_t>(frame.payload[1]));
        reason.append(" with ").append(std::to_string(code)).append(" ").append(frame.payload.substr(2));
      }
      close_connection(connection, reason);
      return false;
    }
    default:
      if (frame.opcode != Opcode::kContinuation) connection.fragments = std::make_unique<std::string>();
      if (!connection.fragments) {
        close_connection(connection, "the server broke RFC 6455: a continuation of nothing");
        return false;
      }
      connection.fragments->append(frame.payload);
      if (frame.fin) {
        const std::unique_ptr<std::string> whole = std::move(connection.fragments);
        on_message(connection, *whole);
      }
      return true;
  }
}

void Worker::send_frame(Connection& connection, websocket::Opcode opcode, std::string_view payload) {
  const websocket::Mask mask = masks_.next();
  const websocket::FrameHeader header{.opcode = opcode, .payload_bytes = payload.size(), .mask = &mask};
  std::string frame(websocket::header_size(header), '\0');
  websocket::write_header(header, frame.data());
  const std::size_t body = frame.size();
  frame.append(payload);
  websocket::apply_mask({frame.data() + body, payload.size()}, mask);
  if (connection.publishes) {
    context_.publishers[connection.index]->send_control(frame);
    to_pump_.push_back(connection.index);
  } else if (!send_whole(connection, frame)) {
    return;  // broken: the loop hears of it; full: a subscriber sends nothing else
  }
}

void Worker::close_connection(Connection& connection, const std::string& reason) {
  if (connection.state != State::kOpen) {
    const bool plain = context_.connect.tls.context == nullptr;
    return fail_connection(
        connection, Failure::Kind::kRefused,
        reason + " before it was open" + (plain ? "; if the server speaks TLS, use wss://" : ""));
  }
  // Not closed yet: another thread may be about to write to a publisher's socket.
  shutdown(connection.fd, SHUT_RDWR);
  connection.state = State::kClosed;
  counters_.lost.fetch_add(1);
  if (!context_.leaving.load(std::memory_order_acquire)) context_.fail(Failure::Kind::kLost, reason);
}

Faults Worker::faults() const {
  Faults faults = results_.faults;
  for (const Connection& connection : connections_) {
    const Topology& topology = context_.topology;
    const auto add = [&](const SequenceCheck& check, std::uint32_t publisher) {
      faults.lost += check.lost(context_.publishers[publisher]->sent());
      faults.duplicate += check.duplicates();
      faults.reordered += check.reordered();
    };
    if (connection.publishes) {
      if (context_.acknowledged) add(checks_[connection.first_check], connection.index);
      continue;
    }
    if (!context_.delivers()) continue;
    for (std::uint32_t source = 0; source < topology.sources_of(connection.channel); ++source) {
      add(checks_[connection.first_check + source], topology.publisher_of(connection.channel, source));
    }
  }
  return faults;
}

}  // namespace wskit::bench
