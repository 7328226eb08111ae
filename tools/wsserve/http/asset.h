// A page or script that does not change while the server runs: with an entity tag, so that a
// browser asks only whether it has changed (RFC 9110 section 8.8.3), and compressed once.
//
// Threads: any; nothing changes after it is made.
#pragma once

#include <string>

#include "wsserve/http/request_reader.h"
#include "wsserve/http/response.h"

namespace wskit::server::http {

class Asset {
 public:
  Asset(std::string content_type, std::string body);

  // The body, gzip for those who take it; or 304 for those who have it (If-None-Match).
  [[nodiscard]] Response respond(const Request& request) const;

 private:
  std::string content_type_;
  std::string plain_;
  std::string gzip_;  // empty: it would be no smaller
  // With their quotes; each form of the body has its own (RFC 9110 section 8.8.1).
  std::string etag_;
  std::string gzip_etag_;
};

}  // namespace wskit::server::http
