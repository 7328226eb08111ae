#include "wsbench/summary.h"

#include <algorithm>
#include <set>

namespace wskit::bench {
namespace {

std::string first_reason(const std::vector<RunResult>& rounds, std::string RunResult::*reason) {
  const auto found = std::find_if(rounds.begin(), rounds.end(),
                                  [reason](const RunResult& round) { return !(round.*reason).empty(); });
  return found == rounds.end() ? std::string() : (*found).*reason;
}

}  // namespace

std::optional<Spread> Contender::find(std::string_view metric) const {
  std::vector<double> values;
  for (const RunResult& round : rounds) {
    if (const auto value = round.metrics.find(metric)) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return spread_of(std::move(values));
}

std::map<std::string, Histogram, std::less<>> Contender::merged() const {
  std::map<std::string, Histogram, std::less<>> merged;
  for (const RunResult& round : rounds) {
    for (const auto& [metric, histogram] : round.metrics.distributions) merged[metric].merge(histogram);
  }
  return merged;
}

std::vector<std::string> Contender::metric_names() const {
  std::set<std::string> names;
  for (const RunResult& round : rounds) {
    for (std::string& metric : round.metrics.names()) names.insert(std::move(metric));
  }
  return {names.begin(), names.end()};
}

Faults Contender::faults() const {
  Faults faults;
  for (const RunResult& round : rounds) faults += round.faults;
  return faults;
}

std::string Contender::client_limited() const { return first_reason(rounds, &RunResult::client_limited); }

std::string Contender::disturbed() const { return first_reason(rounds, &RunResult::disturbed); }

std::optional<Spread> Summary::ratio(std::string_view metric) const {
  if (!server || !limit) return std::nullopt;
  std::vector<double> ratios;
  for (std::size_t round = 0; round < std::min(server->rounds.size(), limit->rounds.size()); ++round) {
    const auto ours = server->rounds[round].metrics.find(metric);
    const auto theirs = limit->rounds[round].metrics.find(metric);
    if (ours && theirs && *theirs != 0) ratios.push_back(*ours / *theirs);
  }
  if (ratios.empty()) return std::nullopt;
  return spread_of(std::move(ratios));
}

bool Summary::measured() const {
  const auto any = [](const std::optional<Contender>& contender) {
    return contender &&
           std::any_of(contender->rounds.begin(), contender->rounds.end(),
                       [](const RunResult& round) { return round.metrics.find("client.cpu").has_value(); });
  };
  return any(server) || any(limit);
}

std::string_view Summary::rate_metric() const {
  return server && server->find("pub.ack_rate") ? "pub.ack_rate" : "delivery.rate";
}

std::optional<double> Summary::find(std::string_view metric) const {
  const auto median = [](const std::optional<Spread>& spread) {
    return spread ? std::optional(spread->median) : std::nullopt;
  };
  constexpr std::string_view kLimit = "limit.";
  if (!metric.starts_with(kLimit)) return server ? median(server->find(metric)) : std::nullopt;
  metric.remove_prefix(kLimit.size());
  if (metric == "share") return median(ratio(rate_metric()));
  if (!limit) return std::nullopt;
  if (metric == "rate") return median(limit->find(rate_metric()));
  if (metric == "cpu_us_per_delivery") return median(limit->find("server.cpu_us_per_delivery"));
  return median(limit->find(metric));
}

}  // namespace wskit::bench
