// The rounds of one run put together, for the server and for the limit beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wsbench/metrics.h"
#include "wsbench/result.h"

namespace wskit::bench {

// One of the two that were measured.
struct Contender {
  std::string name;  // the command or the URL
  std::vector<RunResult> rounds;

  // Over the rounds; nothing where no round measured it.
  [[nodiscard]] std::optional<Spread> find(std::string_view metric) const;
  // Those of all rounds.
  [[nodiscard]] std::map<std::string, Histogram, std::less<>> merged() const;
  [[nodiscard]] std::vector<std::string> metric_names() const;
  [[nodiscard]] Faults faults() const;
  // The first reason of a round; empty: the client was never the limit, the server
  // never short of CPU.
  [[nodiscard]] std::string client_limited() const;
  [[nodiscard]] std::string disturbed() const;
};

struct Summary {
  std::optional<Contender> server;
  std::optional<Contender> limit;

  // server / limit, round by round: what disturbs the machine for longer than a
  // round disturbs both.
  [[nodiscard]] std::optional<Spread> ratio(std::string_view metric) const;

  // Any metric of docs/wsbench.md, `limit.*` included, by its median.
  [[nodiscard]] std::optional<double> find(std::string_view metric) const;

  // Whether any round came as far as measuring.
  [[nodiscard]] bool measured() const;

  // What a closed loop is about: deliveries or, without subscribers,
  // acknowledgements a second.
  [[nodiscard]] std::string_view rate_metric() const;
};

}  // namespace wskit::bench
