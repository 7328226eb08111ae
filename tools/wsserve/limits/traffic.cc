#include "wsserve/limits/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace wskit::server {
namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kAddress = "address";

// The limit that keeps a command waiting the longest.
struct Hindrance {
  nanoseconds wait{};
  const Rate* rate = nullptr;
  std::string_view of;
  std::string_view per;
};

double in_seconds(nanoseconds wait) {
  return std::chrono::duration<double>(std::chrono::ceil<std::chrono::milliseconds>(wait)).count();
}

protocol::Error too_fast(const Hindrance& hindrance) {
  const double wait = in_seconds(hindrance.wait);
  return {protocol::ErrorCode::kRateLimited,
          fmt::format("{} {} may send {} {} a second; wait {} s and send this again",
                      hindrance.per == kAddress ? "an" : "a", hindrance.per, hindrance.rate->per_second,
                      hindrance.of, wait),
          fmt::format(R"({{"retry_after":{},"limit":{},"of":"{}","per":"{}"}})", wait,
                      hindrance.rate->per_second, hindrance.of, hindrance.per)};
}

// Takes a command and its events out of the sender's buckets and its user's, or
// nothing if one of them has too little: then the one that lasts longest.
template <class Bucket>
std::optional<Hindrance> draw(const LimitSettings& limits, Bucket& commands, Bucket& published,
                              std::string_view sender, Usage* user, std::size_t events,
                              Clock::time_point now) {
  Hindrance worst;
  const auto look_at = [&](const auto& bucket, const Rate& rate, std::size_t n, std::string_view of,
                           std::string_view per) {
    if (!rate.is_limited() || n == 0) return;
    const nanoseconds wait = bucket.wait(rate, now, n);
    if (wait > worst.wait) worst = {wait, &rate, of, per};
  };
  look_at(commands, limits.commands, 1, "commands", sender);
  look_at(published, limits.events, events, "events", sender);
  if (user != nullptr) {
    look_at(user->commands, limits.commands_per_user, 1, "commands", "user");
    look_at(user->events, limits.events_per_user, events, "events", "user");
  }
  if (worst.rate != nullptr) {
    worst.wait = std::max<nanoseconds>(worst.wait, Traffic::kShortestWait);
    return worst;
  }
  // Another one may have passed since the look where a bucket is shared: then the
  // next one pays for it.
  const auto spend_of = [&](auto& bucket, const Rate& rate, std::size_t n) {
    if (rate.is_limited() && n > 0) bucket.spend(rate, now, n);
  };
  spend_of(commands, limits.commands, 1);
  spend_of(published, limits.events, events);
  if (user != nullptr) {
    spend_of(user->commands, limits.commands_per_user, 1);
    spend_of(user->events, limits.events_per_user, events);
  }
  return std::nullopt;
}

}  // namespace

std::optional<protocol::Error> Traffic::take(const LimitSettings& limits, Usage* user, std::size_t events,
                                             Clock::time_point now) {
  const auto hindrance = draw(limits, commands_, events_, "connection", user, events, now);
  if (!hindrance) return std::nullopt;
  const bool waited = now - refused_at_ >= told_to_wait_;
  if (waited) insists_since_ = now;
  refused_at_ = now;
  told_to_wait_ = hindrance->wait;
  return too_fast(*hindrance);
}

std::optional<protocol::Error> take_request(const LimitSettings& limits, Usage& address, Usage* user,
                                            std::size_t events, Clock::time_point now) {
  const auto hindrance = draw(limits, address.commands, address.events, kAddress, user, events, now);
  if (!hindrance) return std::nullopt;
  return too_fast(*hindrance);
}

}  // namespace wskit::server
