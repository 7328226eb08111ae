// The token of a client over its life: the newest one for each connection, and on
// an open one the command `auth` as soon as the file holds another, so that the
// connection outlives the token that opened it.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/client/token_file.h"

namespace wskit::client {

class TokenKeeper : public std::enable_shared_from_this<TokenKeeper> {
 public:
  struct Handlers {
    std::function<void(std::string_view command)> send;
    std::function<void()> renewed;                          // the server has taken it
    std::function<void(std::string_view message)> trouble;  // it has not, or there is nothing to take
  };

  // `token` is what connections are opened with, and is kept up to date; it must
  // outlive the last call; so must what the handlers know, until close(). `path`: where it came from; empty:
  // it stays as it is.
  TokenKeeper(boost::asio::io_context& io, std::string& token, const std::string& path, Handlers handlers);

  // Before an attempt to connect.
  void refresh();
  // A connection is open, until close().
  void open();
  void close();

  // Whether `text` is the answer to the `auth` of this side, and so nobody else's.
  [[nodiscard]] bool takes(std::string_view text);

  // After a refusal: whether the file holds another token than the one refused.
  [[nodiscard]] bool has_another();

 private:
  void watch();
  void show();

  std::string& token_;
  std::optional<TokenFile> file_;
  Handlers handlers_;
  boost::asio::steady_timer timer_;
  bool open_ = false;
  std::string shown_;  // the one whose answer is awaited; empty: none
};

}  // namespace wskit::client
