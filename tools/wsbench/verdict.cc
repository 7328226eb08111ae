#include "wsbench/verdict.h"

#include <algorithm>

namespace wskit::bench {
namespace {

using cli::ExitCode;

ExitCode exit_code(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::kUnreachable:
      return ExitCode::kUnreachable;
    case Failure::Kind::kRefused:
      return ExitCode::kRefused;
    case Failure::Kind::kLost:
      return ExitCode::kLost;
  }
  return ExitCode::kBug;
}

void look_for_failures(const Contender& contender, bool is_limit, Verdict& verdict) {
  for (const RunResult& round : contender.rounds) {
    verdict.interrupted = verdict.interrupted || round.interrupted;
    if (!round.failure || verdict.failure) continue;
    verdict.failure = round.failure;
    verdict.failed_at_limit = is_limit;
  }
}

ExitCode choose(const Settings& settings, const Verdict& verdict) {
  if (verdict.failure) return exit_code(verdict.failure->kind);
  if (verdict.faults.any() && !settings.allow_loss) return ExitCode::kIntegrity;
  const auto measured = [](const SloVerdict& slo) { return slo.value.has_value(); };
  const auto missed = [](const SloVerdict& slo) { return slo.value && !slo.passed(); };
  if (std::any_of(verdict.slos.begin(), verdict.slos.end(), missed)) return ExitCode::kNo;
  if (!std::all_of(verdict.slos.begin(), verdict.slos.end(), measured)) return kInconclusive;
  const bool doubtful = !verdict.client_limited.empty() || !verdict.disturbed.empty();
  if (settings.strict && doubtful) return kInconclusive;
  return ExitCode::kOk;
}

}  // namespace

Verdict judge(const Settings& settings, const Summary& summary) {
  Verdict verdict;
  if (summary.server) {
    look_for_failures(*summary.server, false, verdict);
    verdict.faults = summary.server->faults();
    verdict.client_limited = summary.server->client_limited();
    verdict.disturbed = summary.server->disturbed();
  }
  if (summary.limit) {
    look_for_failures(*summary.limit, true, verdict);
    if (verdict.disturbed.empty()) verdict.disturbed = summary.limit->disturbed();
  }
  for (const Slo& slo : settings.slos) verdict.slos.push_back({slo, summary.find(slo.metric)});
  verdict.code = choose(settings, verdict);
  return verdict;
}

}  // namespace wskit::bench
