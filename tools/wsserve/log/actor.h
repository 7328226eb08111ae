// Who did what the logs tell of, as values: the logs know no connection.
//
// Threads: plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wskit::server {

// A connection, and whose it is.
struct Actor {
  std::string connection;  // its id
  std::string user;        // empty: anonymous, or not known yet
  std::string address;     // the client's, with its port if that is known
};

// A request that was answered with an error.
struct RefusedRequest {
  std::string_view method;
  std::string_view path;
  std::optional<std::string> origin;  // null: the request named none
  unsigned status = 0;
  std::string_view body;        // of the answer: {"error":{…}} and a line end
  bool before_sign_in = false;  // it was refused before anybody asked whose request it is
};

}  // namespace wskit::server
