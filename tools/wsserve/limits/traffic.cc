#include "wsserve/limits/traffic.h"

#include <fmt/format.h>

#include <algorithm>

namespace wskit::server {
namespace {

using std::chrono::nanoseconds;

// The limit that keeps a command waiting the longest.
struct Hindrance {
  nanoseconds wait{};
  const Rate* rate = nullptr;
  const char* of = "";
  const char* per = "";
};

double in_seconds(nanoseconds wait) {
  return std::chrono::duration<double>(std::chrono::ceil<std::chrono::milliseconds>(wait)).count();
}

protocol::Error too_fast(const Hindrance& hindrance) {
  const double wait = in_seconds(hindrance.wait);
  return {protocol::ErrorCode::kRateLimited,
          fmt::format("a {} may send {} {} a second; wait {} s and send this again", hindrance.per,
                      hindrance.rate->per_second, hindrance.of, wait),
          fmt::format(R"({{"retry_after":{},"limit":{},"of":"{}","per":"{}"}})", wait,
                      hindrance.rate->per_second, hindrance.of, hindrance.per)};
}

}  // namespace

std::optional<protocol::Error> Traffic::take(const LimitSettings& limits, Usage* user, std::size_t events,
                                             Clock::time_point now) {
  Hindrance worst;
  const auto look_at = [&](const auto& bucket, const Rate& rate, std::size_t n, const char* of,
                           const char* per) {
    if (!rate.is_limited() || n == 0) return;
    const nanoseconds wait = bucket.wait(rate, now, n);
    if (wait > worst.wait) worst = {wait, &rate, of, per};
  };
  look_at(commands_, limits.commands, 1, "commands", "connection");
  look_at(events_, limits.events, events, "events", "connection");
  if (user != nullptr) {
    look_at(user->commands, limits.commands_per_user, 1, "commands", "user");
    look_at(user->events, limits.events_per_user, events, "events", "user");
  }
  if (worst.rate == nullptr) {
    const auto spend_of = [&](auto& bucket, const Rate& rate, std::size_t n) {
      if (rate.is_limited() && n > 0) bucket.spend(rate, now, n);
    };
    spend_of(commands_, limits.commands, 1);
    spend_of(events_, limits.events, events);
    if (user != nullptr) {
      // Another connection of the user may have passed since the look: then the
      // next one pays for it.
      spend_of(user->commands, limits.commands_per_user, 1);
      spend_of(user->events, limits.events_per_user, events);
    }
    return std::nullopt;
  }
  worst.wait = std::max<nanoseconds>(worst.wait, kShortestWait);
  const bool waited = now - refused_at_ >= told_to_wait_;
  if (waited) insists_since_ = now;
  refused_at_ = now;
  told_to_wait_ = worst.wait;
  return too_fast(worst);
}

}  // namespace wskit::server
