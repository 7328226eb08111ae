#include "wsserve/fanout/pace.h"

#include <fmt/format.h>

#include <charconv>

#include "common/protocol/quote.h"

namespace wskit::server {
namespace {

protocol::Error bad(std::string message) {
  return {protocol::ErrorCode::kBadCommand, std::move(message), {}};
}

// As people write it: no 1e+06.
std::string number(double rate) {
  return rate == static_cast<double>(static_cast<std::int64_t>(rate))
             ? fmt::format("{}", static_cast<std::int64_t>(rate))
             : fmt::format("{:.6g}", rate);
}

}  // namespace

protocol::Result<Pace> parse_pace(std::string_view max_rate, std::string_view conflate,
                                  const PaceBounds& bounds) {
  Pace pace;
  if (!conflate.empty() && conflate != "true" && conflate != "false") {
    return bad("conflate is true or false, not " + protocol::quote(conflate));
  }
  pace.conflate = conflate == "true";
  if (max_rate.empty()) return pace;
  double rate = 0;
  const char* end = max_rate.data() + max_rate.size();
  const auto [last, error] = std::from_chars(max_rate.data(), end, rate);
  const bool valid = error == std::errc() && last == end;
  if (!valid || !(rate >= PaceBounds::kLowest && rate <= PaceBounds::kHighest)) {
    return bad(fmt::format("max_rate is a number of events a second from {} to {}, not {}",
                           number(bounds.lowest), number(bounds.highest), protocol::quote(max_rate)));
  }
  if (!(rate >= bounds.lowest && rate <= bounds.highest)) {
    return bad(
        fmt::format("max_rate is from {} to {} events a second on this server (--min-pace, --max-pace), "
                    "not {}",
                    number(bounds.lowest), number(bounds.highest), protocol::quote(max_rate)));
  }
  pace.interval = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(1 / rate));
  return pace;
}

}  // namespace wskit::server
