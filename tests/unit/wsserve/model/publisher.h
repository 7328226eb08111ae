// A publisher of the model: sends batches, and after a lost connection sends
// again what was not acknowledged.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "reference.h"
#include "wire_client.h"

namespace wskit::server::model {

class Publisher {
 public:
  struct Event {
    std::string channel;
    ReferenceEvent event;
    std::uint64_t number = 0;  // of its publisher's events, in the order of sending
  };

  // How the server recognises what is sent again.
  enum class Marks : std::uint8_t { kDedupIds, kSequences };

  // What the server's broker may do.
  enum class Broker : std::uint8_t {
    kPrompt,   // it settles every event at once
    kWaits,    // some events wait to be settled
    kRefuses,  // it also refuses events, which are sent again, and loses some
  };

  Publisher(std::string name, std::string socket_path, Broker broker, Marks marks)
      : name_(std::move(name)), socket_path_(std::move(socket_path)), broker_(broker), marks_(marks) {
    connect();
  }

  // Cuts the connection, if there is one, makes a new one and sends again what was
  // not acknowledged.
  void connect();

  // New events, or one that somebody has published before, under the mark that it had.
  void publish(std::vector<Event> events, Moment now);

  // Takes in acknowledgements. Returns what is wrong with them; empty: nothing.
  [[nodiscard]] std::string pump(Reference& reference, Moment now);

  [[nodiscard]] bool idle() const { return unacknowledged_.empty(); }
  [[nodiscard]] WireClient& client() { return *client_; }

 private:
  struct Batch {
    std::string id;
    std::string text;
    std::vector<Event> events;
    bool sent_again = false;
    bool refused = false;  // once; other batches may have overtaken it
  };

  [[nodiscard]] bool in_order(const std::string& channel, std::uint64_t number, std::uint64_t offset);
  [[nodiscard]] std::string refused(const std::string& text);
  [[nodiscard]] std::string acknowledged(const std::string& text, Reference& reference, Moment now);

  const std::string name_;
  const std::string socket_path_;
  const Broker broker_;
  const Marks marks_;
  std::unique_ptr<WireClient> client_;
  std::deque<Batch> unacknowledged_;
  // Of its own events, by epoch and channel: the offset of each number.
  std::map<std::string, std::map<std::uint64_t, std::uint64_t>> offsets_;
  std::uint64_t events_ = 0;
  std::int64_t sequence_ = 0;  // of its newest event
  std::uint64_t batches_ = 0;
};

}  // namespace wskit::server::model
