#include "wsserve/routing/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/protocol/json_value.h"
#include "common/protocol/quote.h"

namespace wskit::server::routing {
namespace {

using protocol::Pattern;

// The segment at `index`, from 0; nothing if there are fewer.
std::optional<std::string_view> segment_of(std::string_view channel, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t slash = channel.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    channel.remove_prefix(slash + 1);
  }
  return channel.substr(0, channel.find('/'));
}

bool matches_any(const std::vector<Pattern>& patterns, std::string_view channel) {
  return std::ranges::any_of(patterns, [&](const Pattern& pattern) { return pattern.matches(channel); });
}

// Whether events that one rule delivers may be events that the other one takes.
bool feeds(const Route& one, const Route& other) {
  return std::ranges::any_of(one.to, [&](const Target& target) {
    const Pattern reach = target.reach();
    const auto excepted = [&](const Pattern& pattern) { return pattern.covers(reach); };
    return !std::ranges::any_of(other.except, excepted) &&
           std::ranges::any_of(other.from, [&](const Pattern& from) { return from.overlaps(reach); });
  });
}

// Looks for a way from a rule back to itself, each rule once.
class LoopSearch {
 public:
  explicit LoopSearch(const std::vector<RoutePtr>& routes) : routes_(routes), states_(routes.size()) {}

  std::vector<std::size_t> run() {
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      if (visit(i)) return loop_;
    }
    return {};
  }

 private:
  enum class State : std::uint8_t { kNew, kOnTheWay, kDone };

  bool visit(std::size_t rule) {
    if (states_[rule] == State::kDone) return false;
    way_.push_back(rule);
    if (states_[rule] == State::kOnTheWay) {
      loop_.assign(std::ranges::find(way_, rule), way_.end());
      return true;
    }
    states_[rule] = State::kOnTheWay;
    for (std::size_t next = 0; next < routes_.size(); ++next) {
      if (feeds(*routes_[rule], *routes_[next]) && visit(next)) return true;
    }
    states_[rule] = State::kDone;
    way_.pop_back();
    return false;
  }

  const std::vector<RoutePtr>& routes_;
  std::vector<State> states_;
  std::vector<std::size_t> way_;
  std::vector<std::size_t> loop_;
};

}  // namespace

protocol::Result<Target::Place> Target::parse_place(const std::string& text) {
  if (text == "type") return protocol::Result<Place>(boost::system::in_place_value, Type{});
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && number >= 1 && number <= protocol::kMaxChannelSegments) {
      return {boost::system::in_place_value, Segment{number - 1}};
    }
    return protocol::Error{
        protocol::ErrorCode::kBadChannel,
        fmt::format(
            "{{{}}} is no segment of a channel, they are {{1}} to {{{}}}; write {{.{}}} for a member of data",
            text, protocol::kMaxChannelSegments, text),
        {}};
  }
  auto path = protocol::JsonPath::parse(text);
  if (!path) return protocol::Error{protocol::ErrorCode::kBadChannel, path.error().message, {}};
  return {boost::system::in_place_value, *std::move(path)};
}

protocol::Result<Target> Target::parse(std::string_view text) {
  auto name = protocol::ChannelTemplate::parse(text);
  if (!name) return name.error();
  Target target(*std::move(name));
  for (const std::string& place : target.name_.places()) {
    auto parsed = parse_place(place);
    if (!parsed) return parsed.error();
    target.places_.push_back(*std::move(parsed));
  }
  const std::string sample = target.name_.sample();
  if (protocol::is_server_channel(sample)) {
    return protocol::Error{
        protocol::ErrorCode::kBadChannel,
        fmt::format("{}: channels that begin with @ are the server's own", protocol::quote(text)),
        {}};
  }
  if (const auto checked = protocol::check_channel(sample); !checked) return checked.error();
  return target;
}

std::optional<Failure> Target::name(const protocol::PublishEvent& event, std::string_view from,
                                    std::string& out) const {
  std::vector<std::string_view> values;
  std::vector<std::string> decoded(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    std::optional<std::string_view> value;
    if (std::holds_alternative<Type>(places_[i])) {
      value = event.type;
    } else if (const auto* segment = std::get_if<Segment>(&places_[i])) {
      value = segment_of(from, segment->index);
    } else if (const auto found = std::get<protocol::JsonPath>(places_[i]).find(event.data)) {
      value = protocol::json_scalar_text(*found, decoded[i]);
    }
    if (!value) return Failure::kNoValue;
    if (!protocol::segment_fault(*value, name_.begins_name(i)).empty()) return Failure::kBadChannel;
    values.push_back(*value);
  }
  name_.fill(values, out);
  return out.size() > protocol::kMaxChannelBytes ? std::optional(Failure::kBadChannel) : std::nullopt;
}

bool Route::is_for(std::string_view channel) const {
  return matches_any(from, channel) && !matches_any(except, channel);
}

bool Route::takes(const protocol::PublishEvent& event) const {
  return std::ranges::all_of(when, [&](const Condition& condition) { return condition.holds(event); });
}

ChannelRoutesPtr routes_for(const std::vector<RoutePtr>& routes, std::string_view channel) {
  ChannelRoutes matching;
  std::ranges::copy_if(routes, std::back_inserter(matching),
                       [&](const RoutePtr& route) { return route->is_for(channel); });
  return matching.empty() ? nullptr : std::make_shared<const ChannelRoutes>(std::move(matching));
}

std::vector<std::size_t> find_loop(const std::vector<RoutePtr>& routes) { return LoopSearch(routes).run(); }

}  // namespace wskit::server::routing
