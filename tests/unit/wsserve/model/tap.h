// A subscriber of the model: what it wishes to hear, how far it has come, and the
// connection it has at the moment, whose every message is audited.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "audit.h"
#include "wire_client.h"

namespace wskit::server::model {

// Stands between the socket and the audit, as a wrong server would: may change
// what was heard.
using Tamper = std::function<void(std::deque<std::string>& heard)>;

class Tap {
 public:
  // The connections of a tap are all made with these.
  struct Ways {
    std::string socket_path;
    std::string target;
    bool offer_deflate = false;
  };

  Tap(std::string name, Ways ways, Tamper tamper)
      : name_(std::move(name)), ways_(std::move(ways)), tamper_(std::move(tamper)) {}

  void connect(const Reference& reference, const ChannelRules& rules);
  // The connection is lost, by our doing or the server's. What it was told is
  // returned, still to be judged.
  [[nodiscard]] std::unique_ptr<Audit> leave();

  // One command for several wishes of the same kind.
  void subscribe(const std::vector<Wish>& wishes, const protocol::Since& since, Asked asked);
  void unsubscribe(const std::string& name, Asked asked);
  void ping(const std::string& id);

  // Takes in what the socket has.
  void pump(Moment now, const Reference& reference);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool connected() const { return client_ != nullptr; }
  [[nodiscard]] WireClient& client() { return *client_; }
  [[nodiscard]] Audit& audit() { return *audit_; }
  [[nodiscard]] const std::string& last_pong() const { return last_pong_; }

  // The longest that the connection was not looked at.
  [[nodiscard]] std::chrono::steady_clock::duration longest_absence() const { return longest_absence_; }

  // What it wishes to hear, through whatever connection it has.
  std::vector<Wish> wishes;
  // How far it has come.
  std::map<std::string, protocol::Position, std::less<>> positions;
  bool stalled = false;  // it does not read

 private:
  void note(const std::string& text, const Reference& reference);

  const std::string name_;
  const Ways ways_;
  const Tamper tamper_;
  std::unique_ptr<WireClient> client_;
  std::unique_ptr<Audit> audit_;
  int commands_ = 0;
  std::string last_pong_;
  std::chrono::steady_clock::time_point looked_;
  std::chrono::steady_clock::duration longest_absence_{};
};

}  // namespace wskit::server::model
