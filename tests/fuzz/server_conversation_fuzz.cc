// Whole conversations with a server: pieces of any size go through a socket pair to the
// request reader, the router, the upgrade, the message reader and the commands behind them.
// What is answered is what a server may say, a bystander is served all the while, and
// nothing stays behind.
//
// Input: two bytes of settings, then a script (script.h), to which this target adds
//
//     u  an upgrade: the target, and header lines behind it, each on a line of its own
//     g  a GET, the same
//     p  a POST: the target on the first line, and behind it the body, which is JSON
//
// Each input has a server of its own, so that one which fails does so again.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "claim.h"
#include "script.h"
#include "server_answers.h"
#include "socket_end.h"
#include "wsserve/auth/public_key.h"
#include "wsserve/server/server.h"

namespace {

using namespace wskit::server;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::Answers;
using wskit::fuzz::claim;
using wskit::fuzz::Part;
using wskit::protocol::Pattern;

// --- settings ----------------------------------------------------------------

struct Choice {
  bool tokens;         // a token is needed
  bool proxy_header;   // the connection begins with a PROXY header
  bool forwarded;      // a trusted proxy is at the other end, and speaks through a header
  bool tight;          // limits that are soon reached
  bool rules;          // channels have rules, routes and endpoints
  bool echo;           // there is /echo
  bool near;           // the connection comes from this machine
  bool abrupt;         // the client ends without waiting for the answers
  bool compares;       // the pieces make no difference
  bool context;        // deflate may refer to former messages
  bool default_names;  // there are channels for those who name none
};

Choice read_choice(std::uint8_t first, std::uint8_t second) {
  return {.tokens = (first & 1) != 0,
          .proxy_header = (first & 2) != 0,
          .forwarded = (first & 4) != 0,
          .tight = (first & 8) != 0,
          .rules = (first & 16) != 0,
          .echo = (first & 32) != 0,
          .near = (first & 64) == 0,
          .abrupt = (first & 128) != 0,
          .compares = (second & 1) != 0,
          .context = (second & 2) != 0,
          .default_names = (second & 4) != 0};
}

// The key of the seeds' tokens.
auth::GatePtr make_gate() {
  auth::Policy policy;
  policy.tokens.keys = {auth::to_key(std::string(32, 's'), "").value()};
  policy.authenticated.subscribe = {*Pattern::parse("a/**")};
  policy.authenticated.publish = {*Pattern::parse("a/*")};
  policy.authenticated.channels = {"a/b"};
  policy.anonymous.subscribe = {*Pattern::parse("open/*")};
  policy.anonymous.publish = {};
  return std::make_shared<const auth::Gate>(std::move(policy));
}

http::Endpoint make_endpoint(std::string_view path, std::string_view channel) {
  return {.path = *http::PathTemplate::parse(path),
          .channels = {*http::parse_endpoint_channel(channel)},
          .defaults = {}};
}

void add_rules(Settings& settings) {
  ChannelRule latest;
  latest.patterns = {*Pattern::parse("l/**")};
  latest.delivery = DeliveryMode::kLatest;
  latest.key = std::make_shared<const wskit::protocol::JsonPath>(*wskit::protocol::JsonPath::parse(".k"));
  ChannelRule short_lived;
  short_lived.patterns = {*Pattern::parse("s/*")};
  short_lived.max_events = 2;
  short_lived.dedup_ids = 1;
  settings.channels.rules = {latest, short_lived};
  routing::Route route;
  route.from = {*Pattern::parse("a/*")};
  route.to = {*routing::Target::parse("by/{type}"), *routing::Target::parse("l/{.k}")};
  settings.channels.routes = {std::make_shared<const routing::Route>(std::move(route))};
  settings.endpoints = {make_endpoint("/api/{id}", "a/{id}"), make_endpoint("/stream", "l/{symbols}")};
}

void tighten(Settings& settings) {
  settings.message_limits = {.max_message_bytes = 256, .max_fragments = 3};
  settings.http_limits = {.max_header_bytes = http::kLeastHeaderBytes, .max_body_bytes = 200};
  settings.queue_limit_bytes = 1024;
  settings.max_channels_per_connection = 3;
  settings.max_patterns_per_connection = 1;
  settings.limits.subscriptions = 5;
  settings.limits.connections_per_address = 1;
  settings.limits.connections_per_user = 1;
  settings.limits.requests_per_address.per_second = kSlowestRate;
  settings.limits.commands.per_second = kSlowestRate;
  settings.limits.events.per_second = kSlowestRate;
  settings.hub.max_channels = 6;
  settings.hub.max_history_bytes = 2048;
  settings.hub.max_dedup_bytes = 1024;
}

Settings make_settings(const Choice& choice) {
  static const auth::GatePtr kGate = make_gate();
  Settings settings;
  if (choice.tokens) settings.gate = kGate;
  if (choice.proxy_header || choice.forwarded) (void)settings.limits.proxies.add("192.0.2.0/24");
  settings.limits.proxy_protocol = choice.proxy_header;
  settings.echo = choice.echo;
  settings.deflate.server_context_takeover = choice.context;
  settings.deflate.client_context_takeover = choice.context;
  if (choice.default_names) settings.default_channels = {"a/b", "open/*"};
  if (choice.rules) add_rules(settings);
  if (choice.tight) tighten(settings);
  return settings;
}

// --- sockets -----------------------------------------------------------------

// The end of a pair of sockets of which the server has the other one.
int connect_to(Server& server, const PeerAddress& peer) {
  std::array<int, 2> ends{};
  claim(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0, "a pair");
  server.take_in(OwnedFd(ends[1]), peer);
  return ends[0];
}

class Client : public wskit::fuzz::SocketEnd {
 public:
  Client(Server& server, const PeerAddress& peer) : SocketEnd(connect_to(server, peer)) {}

  // What the server has not read yet.
  [[nodiscard]] int unread() const {
    int bytes = 0;
    return ::ioctl(fd(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
  }
};

class Conversation {
 public:
  explicit Conversation(const Choice& choice) : choice_(choice), server_(make_settings(choice), 1, {}) {
    server_.incidents().tell_by([](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
    listener_ = std::make_unique<Client>(server_, PeerAddress());
    asking_ = std::make_unique<Client>(server_, PeerAddress());
    listener_->say(
        "GET /ws/open/*?heartbeat=60 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    settle();
    ask();
  }

  // One end of a conversation, of which the writes are those.
  Answers lead(const std::vector<std::string>& writes) {
    peer_ = std::make_unique<Client>(server_, address());
    settle();
    for (const std::string& bytes : writes) {
      peer_->say(bytes);
      settle();
    }
    ask();
    if (!choice_.abrupt) {
      peer_->finish();
      settle();
      claim(peer_->ended(), "who says that it has nothing more to say is let go");
      const Answers answers = wskit::fuzz::check_answers(peer_->heard(), choice_.echo);
      peer_.reset();
      return answers;
    }
    peer_->hang_up();
    peer_.reset();
    settle();
    return {};
  }

  void check_end() {
    ask();
    claim(server_.incidents().total() == 0, "nothing was thrown");
    const std::string stats = server_.stats(auth::Identity{});
    const auto says = [&stats](std::string_view figure) { return stats.find(figure) != std::string::npos; };
    claim(says(R"("total_connections":1,)") && server_.websockets() == 1, "one connection is left");
    claim(says(R"("event_streams":0,)"), "no stream is");
    claim(says(R"("subscriptions":1,)"), "one subscription is left");
    claim(says(R"("queued_bytes":0,)") && says(R"("replay_bytes":0,)"), "nothing waits");
    claim(!listener_->ended(), "and nobody else was sent away");
    const Answers heard = wskit::fuzz::check_answers(listener_->heard(), false);
    claim(heard.statuses == std::vector<int>{101} && !heard.close_code,
          "a bystander hears what it asked for");
  }

 private:
  PeerAddress address() const {
    const bool proxied = choice_.proxy_header || choice_.forwarded;
    return PeerAddress(*IpAddress::parse(proxied        ? "192.0.2.1"
                                         : choice_.near ? "127.0.0.1"
                                                        : "198.51.100.7"),
                       4711);
  }

  // Until nobody has anything more to do but the time.
  void settle() {
    bool more = true;
    for (int turns = 0; more; ++turns) {
      claim(turns < 100'000, "a server comes to rest");
      const int unread = peer_ ? peer_->unread() : 0;
      more = peer_ && peer_->write();
      more |= server_.step();
      for (Client* client : {listener_.get(), asking_.get(), peer_.get()}) {
        if (client != nullptr && client->read()) more = true;
        if (client != nullptr && client->write()) more = true;
      }
      if (peer_ && peer_->unread() != unread) more = true;
    }
  }

  // A bystander asks for a page, and gets it.
  void ask() {
    const std::size_t before = asking_->heard().size();
    asking_->say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    settle();
    claim(asking_->heard().substr(before).starts_with("HTTP/1.1 200 "), "a bystander is served");
  }

  const Choice choice_;
  Server server_;
  std::unique_ptr<Client> listener_;  // a WebSocket with a subscription
  std::unique_ptr<Client> asking_;
  std::unique_ptr<Client> peer_;
};

// --- the script --------------------------------------------------------------

std::string request(std::string_view method, std::string_view text, std::string_view more) {
  const std::string_view target = text.substr(0, text.find('\n'));
  std::string bytes;
  bytes.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(more);
  text.remove_prefix(std::min(text.size(), target.size() + 1));
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    bytes.append(line).append("\r\n");
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return bytes + "\r\n";
}

std::string post(std::string_view text) {
  const std::string_view target = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), target.size() + 1));
  return request("POST", target,
                 "Content-Type: application/json\r\nContent-Length: " + std::to_string(text.size()) + "\r\n")
      .append(text);
}

std::string bytes_of(const Part& part) {
  switch (part.letter) {
    case 'u':
      return request("GET", part.text,
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    case 'g':
      return request("GET", part.text, {});
    case 'p':
      return post(part.text);
    default:
      return wskit::fuzz::to_bytes(part, wskit::websocket::Role::kClient);
  }
}

std::vector<std::string> writes_of(std::string_view script) {
  std::vector<std::string> writes;
  std::size_t left = wskit::fuzz::kMostBytes;
  for (const Part& part : wskit::fuzz::read_script(script)) {
    std::string bytes = bytes_of(part);
    bytes.resize(std::min(bytes.size(), left));
    left -= bytes.size();
    if (part.joined && !writes.empty()) {
      writes.back() += bytes;
    } else {
      writes.push_back(std::move(bytes));
    }
  }
  return writes;
}

// Of several things that are wrong with a request, or of what is wrong with one that has no
// end, it depends on the pieces what is found first, and when.
bool differ_at_most_in_a_refusal(const std::vector<int>& some, const std::vector<int>& others) {
  const auto [a, b] = std::ranges::mismatch(some, others);
  const auto is_refusal = [](auto at, auto end) { return at == end || (at + 1 == end && *at >= 400); };
  return is_refusal(a, some.end()) && is_refusal(b, others.end());
}

std::string join(const std::vector<std::string>& writes) {
  std::string all;
  for (const std::string& bytes : writes) all += bytes;
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const Choice choice = read_choice(bytes[0], bytes[1]);
  const auto writes = writes_of({reinterpret_cast<const char*>(bytes) + 2, size - 2});
  Conversation conversation(choice);
  const Answers answers = conversation.lead(writes);
  conversation.check_end();
  if (!choice.compares || choice.abrupt || writes.size() < 2) return 0;
  Conversation again(choice);
  const Answers whole = again.lead({join(writes)});
  again.check_end();
  claim(differ_at_most_in_a_refusal(answers.statuses, whole.statuses),
        "requests are answered the same however they come");
  claim(whole.close_code == answers.close_code, "a WebSocket ends the same however its frames come");
  return 0;
}
