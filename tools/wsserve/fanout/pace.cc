#include "wsserve/fanout/pace.h"

#include <charconv>

#include "common/protocol/quote.h"

namespace wskit::server {
namespace {

constexpr double kMaxRate = 1e6;
constexpr double kMinRate = 1e-3;

protocol::Error bad(std::string message) {
  return {protocol::ErrorCode::kBadCommand, std::move(message), {}};
}

}  // namespace

protocol::Result<Pace> parse_pace(std::string_view max_rate, std::string_view conflate) {
  Pace pace;
  if (!conflate.empty() && conflate != "true" && conflate != "false") {
    return bad("conflate is true or false, not " + protocol::quote(conflate));
  }
  pace.conflate = conflate == "true";
  if (max_rate.empty()) return pace;
  double rate = 0;
  const char* end = max_rate.data() + max_rate.size();
  const auto [last, error] = std::from_chars(max_rate.data(), end, rate);
  if (error != std::errc() || last != end || !(rate >= kMinRate && rate <= kMaxRate)) {
    return bad("max_rate is a number of events a second from 0.001 to 1000000, not " +
               protocol::quote(max_rate));
  }
  pace.interval = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(1 / rate));
  return pace;
}

}  // namespace wskit::server
