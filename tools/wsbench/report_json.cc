#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "wsbench/report.h"

namespace wskit::bench {
namespace {

using nlohmann::json;

// Times and counts are whole numbers.
json number(double value, std::string_view metric) {
  const Unit unit = unit_of(metric).value_or(Unit::kRatio);
  const bool whole = unit == Unit::kNanos || unit == Unit::kCount || unit == Unit::kBytes;
  return whole ? json(std::llround(value)) : json(value);
}

json to_json(const Histogram& histogram) {
  json buckets = json::array();
  for (const auto& [lowest, count] : histogram.buckets()) buckets.push_back({lowest, count});
  return {{"count", histogram.count()},
          {"negative", histogram.negative()},
          {"min", histogram.min()},
          {"max", histogram.max()},
          {"sub_buckets", 1U << Histogram::kSubBucketBits},
          {"buckets", std::move(buckets)}};
}

json to_json(const RunResult& round) {
  json values = json::object();
  for (const std::string& name : round.metrics.names()) {
    if (const auto value = round.metrics.find(name)) values[name] = number(*value, name);
  }
  json series = json::array();
  for (const SeriesPoint& point : round.series) {
    series.push_back({{"at", point.at},
                      {"deliveries", point.deliveries},
                      {"acks", point.acks},
                      {"server_cpu", point.server_cpu}});
  }
  json result = {{"metrics", std::move(values)}, {"series", std::move(series)}};
  result["client_limited"] = !round.client_limited.empty();
  if (!round.client_limited.empty()) result["client_limited_by"] = round.client_limited;
  result["disturbed"] = !round.disturbed.empty();
  if (!round.disturbed.empty()) result["disturbed_by"] = round.disturbed;
  if (round.failure) result["failure"] = round.failure->message;
  return result;
}

json to_json(const std::optional<Contender>& contender) {
  if (!contender) return nullptr;
  json metrics = json::object();
  for (const std::string& name : contender->metric_names()) {
    const auto spread = contender->find(name);
    if (!spread) continue;
    metrics[name] = {{"median", number(spread->median, name)},
                     {"least", number(spread->least, name)},
                     {"most", number(spread->most, name)}};
  }
  json histograms = json::object();
  for (const auto& [name, histogram] : contender->merged()) histograms[name] = to_json(histogram);
  json rounds = json::array();
  for (const RunResult& round : contender->rounds) rounds.push_back(to_json(round));
  return {{"name", contender->name},
          {"metrics", std::move(metrics)},
          {"histograms", std::move(histograms)},
          {"rounds", std::move(rounds)}};
}

json ratios(const Summary& summary) {
  json ratios = json::object();
  if (!summary.server || !summary.limit) return ratios;
  for (const std::string& name : summary.server->metric_names()) {
    const auto ratio = summary.ratio(name);
    if (ratio) ratios[name] = {{"median", ratio->median}, {"least", ratio->least}, {"most", ratio->most}};
  }
  return ratios;
}

json parameters(const Settings& settings) {
  const FanoutPlan& plan = settings.fanout;
  const CrewPlan& crew = plan.crew;
  json parameters = {{"subscribers", crew.topology.subscribers},
                     {"publishers", crew.topology.publishers},
                     {"channels", crew.subscribe || crew.acknowledged ? crew.topology.channels : 0},
                     {"size", crew.delivered_bytes},
                     {"threads", crew.threads},
                     {"cpus", crew.cpus},
                     {"server_cpus", settings.server_cpus},
                     {"rounds", settings.rounds}};
  if (crew.connect_rate > 0) parameters["connect_rate"] = crew.connect_rate;
  if (settings.scenario == Scenario::kIdle) parameters["hold"] = settings.hold;
  if (settings.scenario != Scenario::kFanout) return parameters;
  parameters["warm_up"] = plan.warm_up;
  parameters["duration"] = plan.duration;
  parameters["drain"] = plan.drain;
  if (crew.window) {
    parameters["rate"] = "max";
    parameters["window"] = *crew.window;
    return parameters;
  }
  parameters["seed"] = plan.seed;
  switch (plan.arrival.kind) {
    case Arrival::Kind::kUniform:
      parameters["arrival"] = "uniform";
      break;
    case Arrival::Kind::kPoisson:
      parameters["arrival"] = "poisson";
      break;
    case Arrival::Kind::kBurst:
      parameters["arrival"] = {{"burst", plan.arrival.burst}, {"period", plan.arrival.period}};
      return parameters;
  }
  parameters["rate"] = plan.rate;
  return parameters;
}

json slos(const Verdict& verdict) {
  json slos = json::array();
  for (const SloVerdict& slo : verdict.slos) {
    slos.push_back({{"slo", slo.slo.text},
                    {"metric", slo.slo.metric},
                    {"value", slo.value ? json(*slo.value) : json(nullptr)},
                    {"verdict", !slo.value     ? "inconclusive"
                                : slo.passed() ? "passed"
                                               : "failed"}});
  }
  return slos;
}

}  // namespace

json to_json(const Report& report) {
  const Verdict& verdict = report.verdict;
  const Environment& environment = report.environment;
  json document = {{"schema", "wsbench/1"},
                   {"scenario", name_of(report.settings.scenario)},
                   {"started", report.started},
                   {"parameters", parameters(report.settings)},
                   {"environment",
                    {{"kernel", environment.kernel},
                     {"cpu", environment.cpu_model},
                     {"cores", environment.cores},
                     {"compiler", environment.compiler},
                     {"build", environment.build},
                     {"version", environment.version}}},
                   {"flags",
                    {{"client_limited", !verdict.client_limited.empty()},
                     {"disturbed", !verdict.disturbed.empty()},
                     {"closed_loop", report.settings.fanout.crew.window.has_value()},
                     {"allow_loss", report.settings.allow_loss}}},
                   {"server", to_json(report.summary.server)},
                   {"limit", to_json(report.summary.limit)},
                   {"ratio", ratios(report.summary)},
                   {"slo", slos(verdict)},
                   {"aborted", verdict.interrupted},
                   {"exit_code", static_cast<int>(verdict.code)}};
  if (verdict.failure) document["failure"] = verdict.failure->message;
  if (const auto share = report.summary.find("limit.share")) document["limit_share"] = *share;
  return document;
}

}  // namespace wskit::bench
