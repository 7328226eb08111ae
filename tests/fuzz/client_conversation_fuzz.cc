// Whole conversations of the tools' client with a server that says whatever it likes: the
// upgrade, the frames, what stands in them, and how it ends, once and again. The client
// neither fails nor spins, says nothing that is not its to say, and tells its user a story
// that holds together.
//
// Input: two bytes of settings, then a script (script.h) of what the server says, to which
// this target adds
//
//     a  the right answer to the request for an upgrade, with the header lines of the part
//     h  what a server greets with: a message `connected`
//     n  the end of this connection; what follows is for the next one, if there is one
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "claim.h"
#include "common/cli/notices.h"
#include "common/client/client.h"
#include "common/protocol/channel.h"
#include "common/websocket/handshake.h"
#include "common/websocket/message_reader.h"
#include "common/websocket/utf8.h"
#include "script.h"
#include "socket_end.h"
#include "wspub/delivery.h"
#include "wstap/subscriber.h"

namespace {

using wskit::client::Failure;
using wskit::client::FailureKind;
using wskit::fuzz::claim;
using wskit::fuzz::Part;
using wskit::websocket::MessageReader;
using namespace std::chrono_literals;

// --- settings ----------------------------------------------------------------

enum class Tool : std::uint8_t { kBare, kTap, kPub };

struct Choice {
  Tool tool;
  bool deflate;
  bool small_reads;
  bool small_messages;
  bool first_again;  // an attempt follows also where none has ever succeeded
  bool from_start;
  bool until_newest;
  bool types;
  bool plays;
  bool producer;
  bool acknowledged;
};

Choice read_choice(std::uint8_t first, std::uint8_t second) {
  return {.tool = static_cast<Tool>(first % 3),
          .deflate = (first & 4) != 0,
          .small_reads = (first & 8) != 0,
          .small_messages = (first & 16) != 0,
          .first_again = (first & 32) != 0,
          .from_start = (first & 64) != 0,
          .until_newest = (first & 128) != 0,
          .types = (second & 1) != 0,
          .plays = (second & 2) != 0,
          .producer = (second & 4) != 0,
          .acknowledged = (second & 8) == 0};
}

// Far longer than an input runs: whoever waits for it does not come back by himself.
constexpr std::chrono::nanoseconds kBackoff = 24h;
constexpr int kMostConnections = 4;

wskit::client::ClientOptions client_options(const Choice& choice, const std::string& path) {
  wskit::client::ClientOptions options;
  options.url = {.transport = wskit::client::Transport::kUnix,
                 .host = "localhost",
                 .port = 0,
                 .socket_path = path,
                 .target = "/ws"};
  options.offer_deflate = choice.deflate;
  options.max_message_bytes = choice.small_messages ? 200 : 100'000;
  options.read_buffer_bytes = choice.small_reads ? 7 : 4096;
  options.low_water_bytes = 64;
  options.reconnect.initial = choice.first_again;
  options.reconnect.backoff = {.first = kBackoff, .cap = kBackoff};
  options.seed = 1;
  return options;
}

bool is_utf8(std::string_view text) {
  wskit::websocket::Utf8Validator validator;
  return validator.feed({text.data(), text.size()}) && validator.complete();
}

// --- the client's side ---------------------------------------------------------

// What a user of the client sees.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual void start() = 0;
  virtual void stop() = 0;
  // False: nothing can make the next attempt begin.
  virtual bool retry_now() = 0;
  virtual void check_end() {}

  [[nodiscard]] bool ended() const { return ends_ > 0; }
  // How often the connection was of use.
  [[nodiscard]] int progress() const { return progress_; }

 protected:
  void told_wait(std::chrono::nanoseconds retry_in) const {
    claim(!ended(), "nothing follows the end");
    claim(retry_in >= 0ns && retry_in <= kBackoff,
          "the next attempt is not before now, nor past the backoff");
  }
  void told_progress() { ++progress_; }
  void told_end() { claim(++ends_ == 1, "there is one end"); }

 private:
  int ends_ = 0;
  int progress_ = 0;
};

class BareReader final : public Reader, private wskit::client::ClientHandler {
 public:
  BareReader(boost::asio::io_context& io, wskit::client::ClientOptions options)
      : client_(io, std::move(options), *this) {}

  void start() override { client_.start(); }
  void stop() override { client_.close(); }
  bool retry_now() override {
    client_.retry_now();
    return true;
  }

 private:
  void on_open() override {
    claim(!ended() && !std::exchange(open_, true), "a connection opens once");
    client_.send(R"({"action":"ping","id":1})");
    client_.send(R"({"action":"publish","channel":"a/b","type":"t","data":")" + std::string(150, 'x') +
                 R"("})");
  }
  void on_message(std::string_view text) override {
    claim(!ended() && open_, "messages are of an open connection");
    claim(is_utf8(text), "a text is UTF-8");
    volatile char beyond = *(text.data() + text.size() + MessageReader::kPadding - 1);
    (void)beyond;
    if (text == "progress") {
      told_progress();
      client_.progressed();
    }
    if (text == "pause") client_.pause_reading();
    if (text == "again") client_.reconnect("as it was told");
    if (text == "close") client_.close();
    client_.resume_reading();
  }
  void on_batch_end() override { claim(!ended(), "nothing follows the end"); }
  void on_writable() override {
    claim(client_.pending_bytes() <= client_.options().low_water_bytes, "there is room again");
  }
  void on_disconnect(const Failure& why, std::chrono::nanoseconds retry_in, bool was_open) override {
    claim(why.kind != FailureKind::kNone && !why.message.empty() && is_utf8(why.message), "it is said why");
    claim(was_open == std::exchange(open_, false), "it is known what was open");
    told_wait(retry_in);
  }
  void on_end(const Failure& why) override {
    claim((why.kind == FailureKind::kNone) == why.message.empty(),
          "an end that was not asked for has a reason");
    told_end();
  }

  wskit::client::Client client_;
  bool open_ = false;
};

class TapReader final : public Reader, private wskit::tap::SubscriberListener {
 public:
  TapReader(boost::asio::io_context& io, const Choice& choice, wskit::client::ClientOptions options)
      : subscriber_(io, make_options(choice, std::move(options)), *this) {}

  void start() override { subscriber_.start(); }
  void stop() override { subscriber_.stop(); }
  bool retry_now() override {
    subscriber_.retry_now();
    return true;
  }
  // The positions that a cursor would be written with.
  void check_end() override {
    const wskit::protocol::Since point = subscriber_.book().lasting_point(subscriber_.since());
    claim(nlohmann::json::accept(wskit::protocol::to_json(point)), "where it goes on can be said");
  }

 private:
  static wskit::tap::SubscriberOptions make_options(const Choice& choice,
                                                    wskit::client::ClientOptions client) {
    wskit::tap::SubscriberOptions options;
    options.client = std::move(client);
    std::vector<std::string> types;
    if (choice.types) types = {"t", "u"};
    options.selection = *wskit::tap::Selection::make({"a/*", "b"}, types, {});
    if (choice.from_start) options.from = wskit::protocol::FromStart{};
    if (choice.until_newest) options.until = wskit::tap::UntilNewest{};
    if (choice.plays) {
      options.pace = wskit::tap::Pace{.speed = 1e9, .max_gap = 0ns};
      options.pace_is_a_wish = choice.until_newest;
    }
    return options;
  }

  void on_subscribed(const wskit::tap::Subscribed&) override { claim(!ended(), "nothing follows the end"); }
  void on_playing(std::size_t) override { claim(!ended(), "nothing follows the end"); }
  void on_event(const wskit::protocol::EventView& event, std::string_view text) override {
    claim(!ended() && !stopped_, "nothing follows the end");
    told_progress();
    claim(wskit::protocol::check_channel(event.channel).has_value(), "an event is a channel's");
    claim(!event.type.empty() && event.offset > 0, "an event has a type and a place");
    claim(nlohmann::json::accept(text.begin(), text.end()), "an event is JSON");
    claim(nlohmann::json::accept(event.data.begin(), event.data.end()), "so is what it says");
  }
  void on_incident(std::string_view channel, const wskit::tap::Incident& incident) override {
    const std::string json = incident.json(channel);
    claim(nlohmann::json::accept(json), "an incident is told as JSON");
    claim(is_utf8(incident.describe(channel)), "and in words");
  }
  void on_range_end() override {
    stopped_ = true;
    subscriber_.stop();
  }
  void on_detail(std::string_view message) override { claim(is_utf8(message), "a detail is text"); }
  void on_warning(std::string_view message) override { claim(is_utf8(message), "a warning is text"); }
  void on_hint(std::string_view message) override { claim(is_utf8(message), "a hint is text"); }
  void on_batch_end() override {}
  void on_disconnect(const Failure& why, std::chrono::nanoseconds retry_in) override {
    claim(!why.message.empty(), "it is said why");
    told_wait(retry_in);
  }
  void on_end(wskit::cli::ExitCode, std::string_view message) override {
    claim(is_utf8(message), "the end is told as text");
    told_end();
  }

  bool stopped_ = false;
  wskit::tap::Subscriber subscriber_;
};

class PubReader final : public Reader, private wskit::pub::SinkHandler {
 public:
  PubReader(boost::asio::io_context& io, const Choice& choice, wskit::client::ClientOptions options)
      : notices_("wspub"), delivery_(io, make_options(choice, std::move(options)), notices_, *this) {
    notices_.configure({.quiet = 2});
  }

  void start() override {
    delivery_.start();
    take();
  }
  void stop() override { delivery_.give_up(); }
  bool retry_now() override { return false; }
  void check_end() override {
    claim(settled_.size() + delivery_.unanswered_lines() + delivery_.dropped_lines() == taken_,
          "every line has one end");
  }

 private:
  static wskit::pub::DeliveryOptions make_options(const Choice& choice, wskit::client::ClientOptions client) {
    wskit::pub::DeliveryOptions options;
    options.client = std::move(client);
    // There is nobody who asks for the next attempt.
    options.client.reconnect.backoff = {.first = 0ns, .cap = 0ns};
    options.client.reconnect.retries = kMostConnections - 1;
    options.acknowledge =
        choice.acknowledged ? wskit::pub::Acknowledge::kServer : wskit::pub::Acknowledge::kNone;
    options.window.lines = 4;
    if (choice.producer) options.producer = "p";
    options.keep_records = true;
    return options;
  }

  void take() {
    constexpr std::uint64_t kLines = 9;
    while (!ended() && taken_ < kLines && delivery_.can_take()) {
      wskit::protocol::PublishEvent event;
      event.channel = taken_ % 3 == 1 ? "a/c" : "a/b";
      event.type = "t";
      event.data = "1";
      const wskit::pub::SinkLine line{.number = ++taken_, .record = "1"};
      if (!delivery_.take(event, line)) settled_.insert(line.number);
      if (taken_ == kLines) delivery_.finish();
    }
    if (!ended()) delivery_.flush();
  }
  void settle(std::uint64_t line) {
    claim(!ended(), "nothing follows the end");
    claim(line >= 1 && line <= taken_ && settled_.insert(line).second, "a line ends once");
  }

  void on_room() override { take(); }
  void on_acknowledged(std::uint64_t line, const wskit::protocol::Published&) override { settle(line); }
  void on_refused(const wskit::pub::SinkLine& line, std::string_view code,
                  std::string_view message) override {
    claim(is_utf8(code) && is_utf8(message), "a refusal is text");
    if (line.number != 0) settle(line.number);
  }
  void on_forgotten(std::uint64_t line, std::string_view) override { settle(line); }
  void on_sink_end(const Failure&) override { told_end(); }

  wskit::cli::Notices notices_;
  std::uint64_t taken_ = 0;
  std::set<std::uint64_t> settled_;
  wskit::pub::Delivery delivery_;
};

std::unique_ptr<Reader> make_reader(boost::asio::io_context& io, const Choice& choice,
                                    const std::string& path) {
  switch (choice.tool) {
    case Tool::kTap:
      return std::make_unique<TapReader>(io, choice, client_options(choice, path));
    case Tool::kPub:
      return std::make_unique<PubReader>(io, choice, client_options(choice, path));
    case Tool::kBare:
      break;
  }
  return std::make_unique<BareReader>(io, client_options(choice, path));
}

// --- the server's side ---------------------------------------------------------

// A socket to connect to, which goes with the process.
class Door {
 public:
  Door() {
    std::string folder = std::filesystem::temp_directory_path() / "wskit-fuzz-XXXXXX";
    claim(::mkdtemp(folder.data()) != nullptr, "a folder");
    folder_ = folder;
    path_ = folder_ + "/s";
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    claim(path_.size() < sizeof(address.sun_path), "a TMPDIR that is short enough for a socket's name");
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    claim(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "a name");
    claim(::listen(fd_, 64) == 0, "a door");
  }
  ~Door() {
    ::close(fd_);
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // Negative: nobody stands before it.
  [[nodiscard]] int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }

 private:
  std::string folder_;
  std::string path_;
  int fd_ = -1;
};

// One connection, as the server has it.
class Peer : public wskit::fuzz::SocketEnd {
 public:
  using SocketEnd::SocketEnd;

  // Of the request that has come.
  [[nodiscard]] std::string key() const {
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    const std::size_t at = heard().find(kName);
    return at == std::string::npos ? std::string() : heard().substr(at + kName.size(), 24);
  }

  // What the client has said is a request and frames that are masked. The server may have
  // gone in the middle of one.
  void check(bool deflate) const {
    if (heard().empty()) return;
    claim(heard().starts_with("GET /ws HTTP/1.1\r\nHost: localhost\r\n"),
          "the client asks for what it is to");
    const std::size_t end = heard().find("\r\n\r\n");
    claim(end != std::string::npos, "its request is whole");
    static const wskit::websocket::ReaderLimits kLimits{};
    MessageReader reader(wskit::websocket::Role::kServer, kLimits);
    if (deflate) reader.own_inflater(std::make_unique<wskit::websocket::Inflater>(15, true));
    std::string frames = heard().substr(end + 4);
    const std::size_t size = frames.size();
    frames.resize(size + MessageReader::kPadding);
    reader.feed({frames.data(), size});
    while (true) {
      const MessageReader::Item item = reader.next();
      const std::string_view payload(item.payload.data(), item.payload.size());
      switch (item.kind) {
        case MessageReader::Kind::kMessage:
          claim(nlohmann::json::accept(payload.begin(), payload.end()), "its messages are JSON");
          break;
        case MessageReader::Kind::kClose:
          claim(reader.take_back().empty(), "nothing follows its close frame");
          return;
        case MessageReader::Kind::kViolation:
          return claim(false, std::string(item.reason).c_str());
        case MessageReader::Kind::kNeedMore:
          return;
        case MessageReader::Kind::kPing:
        case MessageReader::Kind::kPong:
          break;
      }
    }
  }
};

class Conversation {
 public:
  Conversation(const Door& door, const Choice& choice)
      : door_(door), choice_(choice), reader_(make_reader(io_, choice, door.path())) {
    reader_->start();
    settle();
  }

  void say(const Part& part) {
    if (part.letter == 'n') return go_on();
    if (!part.joined) settle();
    if (!peer_) return;
    switch (part.letter) {
      case 'a':
        return peer_->say(switching(part.text));
      case 'h':
        return peer_->say(wskit::fuzz::to_bytes({.letter = 't', .text = kHello}, kServer));
      default:
        return peer_->say(wskit::fuzz::to_bytes(part, kServer));
    }
  }

  void end() {
    settle();
    reader_->stop();
    settle();
    hang_up();
    settle();
    claim(reader_->ended(), "who is asked to end does");
    claim(!peer_ && door_.accept() < 0, "and does not come back");
    reader_->check_end();
  }

 private:
  static constexpr wskit::websocket::Role kServer = wskit::websocket::Role::kServer;
  static constexpr std::string_view kHello =
      R"({"type":"connected","timestamp":"2026-11-20T10:00:00.000000Z","data":{"connection":"n-0-1",)"
      R"("server":"wskit/0","channels":[],"heartbeat":30,"max_message_bytes":1048576}})";

  [[nodiscard]] std::string switching(std::string_view lines) const {
    std::string bytes =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        wskit::websocket::accept_token(peer_->key()) + "\r\n";
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      bytes.append(line).append("\r\n");
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    }
    return bytes + "\r\n";
  }

  // The server ends this connection; the next one is made at once, if there is to be one.
  void go_on() {
    settle();
    hang_up();
    settle();
    if (peer_ || reader_->ended() || connections_ == kMostConnections) return;
    if (!reader_->retry_now()) return;
    ++asked_;
    settle();
  }

  void hang_up() {
    if (!peer_) return;
    peer_->check(choice_.deflate);
    peer_.reset();
  }

  // Until nobody has anything more to do but the time.
  void settle() {
    bool more = true;
    for (int turns = 0; more; ++turns) {
      claim(turns < 100'000, "a client comes to rest");
      io_.restart();
      more = io_.poll() > 0;
      if (!peer_) more |= let_in();
      if (!peer_) continue;
      more |= peer_->write();
      more |= peer_->read();
      // Another connection may wait already.
      if (peer_->ended()) hang_up();
    }
  }

  bool let_in() {
    const int fd = door_.accept();
    if (fd < 0) return false;
    peer_ = std::make_unique<Peer>(fd);
    ++connections_;
    // A server's word of when to come back is taken as it is, and no second one without progress.
    const int most = choice_.tool == Tool::kPub ? kMostConnections : 2 + 2 * asked_ + reader_->progress();
    claim(connections_ <= most, "nobody comes back without waiting");
    return true;
  }

  const Door& door_;
  const Choice choice_;
  boost::asio::io_context io_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Peer> peer_;
  int connections_ = 0;
  int asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const Door kDoor;
  if (size < 2) return 0;
  const std::string_view script(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  Conversation conversation(kDoor, read_choice(bytes[0], bytes[1]));
  for (const Part& part : wskit::fuzz::read_script(script)) conversation.say(part);
  conversation.end();
  return 0;
}
