// The client's side of the opening handshake: the request as text, and what the
// answer means. Knows no socket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/client/client_options.h"
#include "common/client/connect_failure.h"
#include "common/websocket/deflate.h"

namespace wskit::client {

[[nodiscard]] std::string upgrade_request(const ClientOptions& options, std::string_view key);

// The answer, piece by piece. One thread.
class UpgradeAnswer {
 public:
  enum class Status : std::uint8_t { kNeedMore, kAccepted, kRefused };

  // `options` must outlive the answer.
  UpgradeAnswer(const ClientOptions& options, std::string key);
  ~UpgradeAnswer();
  UpgradeAnswer(const UpgradeAnswer&) = delete;
  UpgradeAnswer& operator=(const UpgradeAnswer&) = delete;

  [[nodiscard]] Status feed(std::string_view bytes);
  // The server has closed its side.
  [[nodiscard]] Status end();

  // After kAccepted: what was agreed on, and the first bytes of the stream.
  [[nodiscard]] const std::optional<websocket::DeflateParameters>& deflate() const { return deflate_; }
  [[nodiscard]] std::string take_rest() { return std::move(pending_); }

  // After kRefused.
  [[nodiscard]] const ConnectFailure& failure() const { return failure_; }

 private:
  struct Parser;

  // Makes ready for the beginning of an answer.
  void expect_answer();
  // Of `pending_`, up to the end of one answer.
  Status read();
  // The answer that has been read is not the last one.
  [[nodiscard]] bool is_interim() const;
  Status judge();
  Status judge_switch();
  Status judge_refusal();
  Status refuse(std::string message);
  // What answers is no HTTP server.
  Status refuse_stranger(std::string_view why);

  const ClientOptions& options_;
  std::string key_;
  std::unique_ptr<Parser> parser_;
  bool began_ = false;   // as HTTP does
  int interim_ = 0;      // answers before the real one
  std::string pending_;  // received and not yet parsed
  std::optional<websocket::DeflateParameters> deflate_;
  ConnectFailure failure_;
};

}  // namespace wskit::client
