#include "wsserve/http/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/protocol/channel.h"
#include "common/protocol/quote.h"
#include "wsserve/http/resources.h"

namespace wskit::server::http {
namespace {

// All values that the query gives a name, in order, each once.
std::vector<std::string> listed(const QueryParameters& query, std::string_view name) {
  std::vector<std::string> values;
  std::set<std::string> seen;
  for (const auto& [parameter, list] : query) {
    if (parameter != name) continue;
    for (std::string& value : split_list(list)) {
      if (seen.insert(value).second) values.push_back(std::move(value));
    }
  }
  return values;
}

// One channel for each way to take a value for each place.
class Combinations {
 public:
  explicit Combinations(std::vector<std::vector<std::string>> choices)
      : choices_(std::move(choices)), at_(choices_.size()) {}

  [[nodiscard]] std::vector<std::string_view> values() const {
    std::vector<std::string_view> values;
    for (std::size_t i = 0; i < at_.size(); ++i) values.push_back(choices_[i][at_[i]]);
    return values;
  }

  // The last place turns first. False after the last combination.
  bool next() {
    for (std::size_t i = at_.size(); i-- > 0;) {
      if (++at_[i] < choices_[i].size()) return true;
      at_[i] = 0;
    }
    return false;
  }

 private:
  std::vector<std::vector<std::string>> choices_;
  std::vector<std::size_t> at_;
};

}  // namespace

bool is_upgrade_parameter(std::string_view name) {
  return name == "token" || std::ranges::find(kUpgradeParameters, name) != kUpgradeParameters.end();
}

protocol::Result<protocol::ChannelTemplate> parse_endpoint_channel(std::string_view text) {
  auto parsed = protocol::ChannelTemplate::parse(text);
  if (!parsed) return parsed;
  const auto fault = [&](std::string_view what) {
    return protocol::Error{
        protocol::ErrorCode::kBadChannel, fmt::format("channel {}: {}", protocol::quote(text), what), {}};
  };
  for (const std::string& place : parsed->places()) {
    if (!is_variable_name(place)) {
      return fault(fmt::format("{{{}}} is no variable; write {{name}}, of letters, digits, _ and -", place));
    }
    if (is_upgrade_parameter(place)) {
      return fault(
          fmt::format("{}= has a meaning of its own in every address; call the variable otherwise", place));
    }
  }
  const std::string sample = parsed->sample();
  if (protocol::is_server_channel(sample)) return fault("channels that begin with @ are the server's own");
  if (const auto pattern = protocol::Pattern::parse(sample); !pattern) return pattern.error();
  return parsed;
}

std::string taken_by_server(const PathTemplate& path) {
  const std::string_view first = std::string_view(path.text()).substr(1, path.text().find('/', 1) - 1);
  if (first.starts_with('{')) {
    return "it begins with a variable, which may be one of the server's own addresses, such as ws; put a "
           "fixed segment before it";
  }
  if (!is_own_segment(first)) return {};
  return fmt::format("the server's own addresses begin with /{}; choose another", first);
}

std::size_t Endpoint::count_unknown(const QueryParameters& query) const {
  return static_cast<std::size_t>(std::ranges::count_if(query, [&](const auto& parameter) {
    const std::string& name = parameter.first;
    return !is_upgrade_parameter(name) &&
           std::ranges::none_of(channels, [&](const protocol::ChannelTemplate& channel) {
             return std::ranges::find(channel.places(), name) != channel.places().end();
           });
  }));
}

QueryParameters Endpoint::complete(QueryParameters query) const {
  for (const auto& [name, value] : defaults) {
    const bool given =
        is_upgrade_parameter(name)
            ? std::ranges::find(query, name, [](const auto& each) { return each.first; }) != query.end()
            : !listed(query, name).empty();
    if (!given) query.emplace_back(name, value);
  }
  return query;
}

std::variant<std::vector<std::string>, HttpError> Endpoint::resolve(const std::vector<std::string>& values,
                                                                    const QueryParameters& query,
                                                                    std::size_t max_channels) const {
  std::vector<std::string> names;
  for (const protocol::ChannelTemplate& channel : channels) {
    auto choices = choices_for(channel, values, query);
    if (auto* refused = std::get_if<HttpError>(&choices)) return std::move(*refused);
    Combinations combinations(std::get<Choices>(std::move(choices)));
    do {
      std::string name;
      channel.fill(combinations.values(), name);
      if (const auto checked = protocol::Pattern::parse(name); !checked) {
        return bad_request("BAD_CHANNEL", checked.error().message);
      }
      if (std::ranges::find(names, name) != names.end()) continue;
      if (names.size() == max_channels) {
        return bad_request("TOO_MANY_CHANNELS",
                           fmt::format("the address stands for more than {} channels, which is all that a "
                                       "connection may subscribe (--max-channels)",
                                       max_channels));
      }
      names.push_back(std::move(name));
    } while (combinations.next());
  }
  return names;
}

std::variant<Endpoint::Choices, HttpError> Endpoint::choices_for(const protocol::ChannelTemplate& channel,
                                                                 const std::vector<std::string>& values,
                                                                 const QueryParameters& query) const {
  Choices choices;
  for (std::size_t i = 0; i < channel.places().size(); ++i) {
    const std::string& name = channel.places()[i];
    const auto variable = std::ranges::find(path.variables(), name);
    const bool in_path = variable != path.variables().end();
    choices.push_back(in_path
                          ? std::vector{values[static_cast<std::size_t>(variable - path.variables().begin())]}
                          : listed(query, name));
    const std::vector<std::string>& list = choices.back();
    if (list.empty()) {
      return bad_request("BAD_REQUEST", fmt::format("{0}= is missing: say what you want, {0}=A,B", name));
    }
    // What the operator wrote was checked at the start, and may be a star.
    const auto standing = defaults.find(name);
    if (standing != defaults.end() && list == split_list(standing->second)) continue;
    for (const std::string& value : list) {
      const std::string why = protocol::segment_fault(value, channel.begins_name(i));
      if (why.empty()) continue;
      return bad_request("BAD_CHANNEL",
                         fmt::format("{}: {} is no segment of a channel: {}",
                                     in_path ? fmt::format("{{{}}} in the path", name) : name + "=",
                                     protocol::quote(value), why));
    }
  }
  return choices;
}

}  // namespace wskit::server::http
