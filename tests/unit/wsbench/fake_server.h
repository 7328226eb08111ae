// A small server of the wskit protocol in a thread, which misbehaves on request.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/client/url.h"
#include "wsbench/socket.h"

namespace wskit::bench {

enum class Misdeed : std::uint8_t {
  kNone,
  kDrop,             // a delivery is left out
  kRepeat,           // a delivery is sent twice
  kSwap,             // a delivery changes places with the next one to that subscriber
  kDamage,           // a character of the stamp is changed
  kDropAck,          // a publish is not answered
  kRefuseUpgrade,    // 403
  kRefuseSubscribe,  // an error instead of `subscribed`
  kHangUp,           // the connection is closed instead of a delivery
  kIgnorePublish,    // nothing is delivered
};

struct Behaviour {
  Misdeed misdeed = Misdeed::kNone;
  std::uint64_t every = 1'000;  // of the deliveries (acknowledgements), one goes wrong
  std::uint64_t most = UINT64_MAX;
  std::uint64_t spare = 1'000;  // so many before the first
};

class FakeServer {
 public:
  explicit FakeServer(Behaviour behaviour = {});
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] client::Url url() const;

  // How often it has misbehaved.
  [[nodiscard]] std::uint64_t misdeeds() const { return misdeeds_.load(); }

 private:
  struct Peer;

  void run();
  void accept_one();
  bool receive(Peer& peer);
  void answer_upgrade(Peer& peer);
  void on_text(Peer& peer, std::string_view text);
  void publish(std::string_view channel, std::string_view type, std::string_view data);
  void deliver(Peer& peer, std::string message);
  void release_held();
  bool misbehave();
  void flush(Peer& peer);

  Behaviour behaviour_;
  Descriptor listener_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::map<std::string, std::uint64_t, std::less<>> offsets_;
  std::uint64_t chances_ = 0;
  std::atomic<std::uint64_t> misdeeds_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace wskit::bench
