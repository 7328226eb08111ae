#include "wsserve/fanout/pace.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

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

protocol::Error no_rate(std::string_view rate, const PaceBounds& bounds) {
  return bad(fmt::format("max_rate is a number of events a second from {} to {}, not {}",
                         number(bounds.lowest), number(bounds.highest), protocol::quote(rate)));
}

}  // namespace

protocol::Result<Pace> parse_pace(std::string_view max_rate, std::string_view conflate,
                                  const PaceBounds& bounds) {
  if (!conflate.empty() && conflate != "true" && conflate != "false") {
    return bad("conflate is true or false, not " + protocol::quote(conflate));
  }
  if (max_rate.empty()) return make_pace(std::nullopt, conflate == "true", bounds);
  double rate = 0;
  const char* end = max_rate.data() + max_rate.size();
  const auto [last, error] = std::from_chars(max_rate.data(), end, rate);
  if (error != std::errc() || last != end || !std::isfinite(rate)) return no_rate(max_rate, bounds);
  return make_pace(rate, conflate == "true", bounds);
}

protocol::Result<Pace> make_pace(std::optional<double> max_rate, bool conflate, const PaceBounds& bounds) {
  Pace pace{.conflate = conflate, .interval = {}};
  if (!max_rate) return pace;
  if (!(*max_rate >= PaceBounds::kLowest && *max_rate <= PaceBounds::kHighest)) {
    return no_rate(number(*max_rate), bounds);
  }
  if (!(*max_rate >= bounds.lowest && *max_rate <= bounds.highest)) {
    return bad(
        fmt::format("max_rate is from {} to {} events a second on this server (--min-pace, --max-pace), "
                    "not {}",
                    number(bounds.lowest), number(bounds.highest), number(*max_rate)));
  }
  pace.interval = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(1 / *max_rate));
  return pace;
}

}  // namespace wskit::server
