// A server for publishers in the test's own loop: it keeps what is published to
// each channel, knows dedup ids and sequences again, answers as the protocol says, and
// misbehaves where the test asks for it.
//
// Threads: the io_context's, like the publisher under test.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/command.h"
#include "fake_server.h"

namespace wskit::pub {

// What becomes of one publish command.
struct Verdict {
  enum class Kind {
    kAccept,
    kAcceptTwice,  // and says so twice
    kAcceptInSilence,
    kIgnore,
    kRefuse,     // as a whole
    kCutBefore,  // the connection is lost before the events are published,
    kCutAfter,   // or after that and before the answer
    kMiscount,   // accepts and answers for one event too many
  };
  Kind kind = Kind::kAccept;
  protocol::Error error{};  // of kRefuse
};

class PublishServer {
 public:
  explicit PublishServer(boost::asio::io_context& io);

  // Asked for each publish command; by default all are accepted.
  std::function<Verdict(const protocol::Command&)> judge = [](const protocol::Command&) { return Verdict{}; };

  // What the next connections are greeted with.
  std::uint64_t max_message_bytes = std::uint64_t{1} << 20;
  std::vector<std::string> default_channels;
  std::vector<std::string_view> features{"sequence"};

  // What answers from now on is another server, which has none of the events so far and
  // knows no mark of theirs.
  void forget_events();

  // The answers that were held back by kAcceptInSilence, in order.
  void answer_now();

  [[nodiscard]] testing::FakeServer& socket() { return server_; }

  // The events of a channel in the order of their offsets, as JSON objects with
  // everything that was published but the channel and the mark.
  [[nodiscard]] const std::vector<std::string>& events(const std::string& channel) const;
  [[nodiscard]] std::size_t total_events() const { return total_events_; }
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

  // The commands as they came, on all connections.
  [[nodiscard]] const std::vector<std::string>& commands() const { return commands_; }
  [[nodiscard]] std::size_t lines_received() const { return lines_received_; }
  [[nodiscard]] std::size_t cuts() const { return cuts_; }

 private:
  struct Place {
    std::string channel;
    std::uint64_t offset = 0;
  };

  void on_message(testing::FakePeer& peer, const std::string& text);
  void publish(testing::FakePeer& peer, const protocol::Command& command);
  [[nodiscard]] std::string apply(const protocol::Command& command, bool miscount);

  testing::FakeServer server_;
  protocol::CommandParser parser_;
  std::map<std::string, std::vector<std::string>> channels_;
  std::map<std::string, Place> seen_;  // by dedup id, or producer, channel and sequence
  std::vector<std::string> commands_;
  std::vector<std::string> held_back_;
  std::size_t total_events_ = 0;
  std::size_t duplicates_ = 0;
  std::size_t lines_received_ = 0;
  std::size_t cuts_ = 0;
};

}  // namespace wskit::pub
