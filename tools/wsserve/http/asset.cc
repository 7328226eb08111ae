#include "wsserve/http/asset.h"

// The library's own way to be compiled into what uses it.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "wsserve/http/field_value.h"

namespace wskit::server::http {
namespace {

// Empty where zlib has no memory: the plain body serves as well.
std::string gzip(const std::string& body) {
  constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more writes a gzip header and trailer
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

// `gzip` or `*`, but not with a weight of nothing (RFC 9110 section 12.5.3).
bool takes_gzip(const Request& request) {
  const std::string value = request.header("accept-encoding");
  bool takes = false;
  for (const std::string_view item : list_items(value)) {
    const std::string_view coding = item.substr(0, item.find_first_of("; \t"));
    const std::size_t weight = item.find("q=0");
    const bool refused = weight != std::string_view::npos &&
                         item.find_first_not_of(".0", weight + 2) == std::string_view::npos;
    if (same_token(coding, "gzip")) return !refused;
    if (coding == "*") takes = !refused;
  }
  return takes;
}

// Compared without regard to whether a tag is weak (RFC 9110 section 13.1.2).
bool has_it(const Request& request, std::string_view etag) {
  const std::string value = request.header("if-none-match");
  return std::ranges::any_of(list_items(value), [etag](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag == etag || tag == "*";
  });
}

}  // namespace

Asset::Asset(std::string content_type, std::string body)
    : content_type_(std::move(content_type)),
      plain_(std::move(body)),
      gzip_(gzip(plain_)),
      etag_(fmt::format("\"{:016x}\"", XXH3_64bits(plain_.data(), plain_.size()))),
      gzip_etag_(etag_.substr(0, etag_.size() - 1) + "-gzip\"") {
  if (gzip_.size() >= plain_.size()) gzip_.clear();
}

Response Asset::respond(const Request& request) const {
  const bool compressed = !gzip_.empty() && takes_gzip(request);
  const std::string& etag = compressed ? gzip_etag_ : etag_;
  Response response;
  response.content_type = content_type_;
  response.cache_control = "no-cache";
  response.headers = {{"ETag", etag}};
  if (has_it(request, etag)) {
    response.status = 304;
  } else if (compressed) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = gzip_;
  } else {
    response.body = plain_;
  }
  return response;
}

}  // namespace wskit::server::http
