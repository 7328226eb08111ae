#include "wsserve/status/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>
#include <string_view>
#include <vector>

#include "common/version.h"

namespace wskit::server {
namespace {

using Kind = CounterInfo::Kind;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// One number out of the figures of a part of the server.
template <class Figures>
struct Figure {
  const char* metric;
  Kind kind;
  const char* help;
  double (*of)(const Figures&);
};

constexpr auto kHub = std::to_array<Figure<HubFigures>>({
    {"wskit_channels", Kind::kNow, "Channels that the server knows",
     [](const HubFigures& hub) { return static_cast<double>(hub.channels); }},
    {"wskit_channels_forgotten_total", Kind::kTotal, "Channels forgotten because nobody used them",
     [](const HubFigures& hub) { return static_cast<double>(hub.channels_forgotten); }},
    {"wskit_history_bytes", Kind::kNow, "Memory that histories take",
     [](const HubFigures& hub) { return static_cast<double>(hub.history_bytes); }},
    {"wskit_history_limit_bytes", Kind::kNow, "Memory that histories may take (--history-total)",
     [](const HubFigures& hub) { return static_cast<double>(hub.history_max_bytes); }},
    {"wskit_history_evicted_events_total", Kind::kTotal,
     "Events that left their history early because all histories together were at their limit",
     [](const HubFigures& hub) { return static_cast<double>(hub.history_evicted); }},
    {"wskit_dedup_bytes", Kind::kNow, "Memory that remembered dedup ids and sequences take",
     [](const HubFigures& hub) { return static_cast<double>(hub.dedup_bytes); }},
    {"wskit_dedup_limit_bytes", Kind::kNow, "Memory that dedup ids and sequences may take (--dedup-total)",
     [](const HubFigures& hub) { return static_cast<double>(hub.dedup_max_bytes); }},
    {"wskit_dedup_evicted_ids_total", Kind::kTotal,
     "Dedup ids and sequences forgotten early: those of all channels together were at their limit, or the "
     "producers of a channel were",
     [](const HubFigures& hub) { return static_cast<double>(hub.dedup_evicted); }},
});

using broker::Figures;
constexpr auto kStore = std::to_array<Figure<Figures>>({
    {"wskit_store_available", Kind::kNow, "1 while the store can be written, 0 while it cannot",
     [](const Figures& store) { return store.available ? 1.0 : 0.0; }},
    {"wskit_store_failures_total", Kind::kTotal, "Times that the store became unavailable",
     [](const Figures& store) { return static_cast<double>(store.failures); }},
    {"wskit_store_queued_events", Kind::kNow, "Events on their way to the disk",
     [](const Figures& store) { return static_cast<double>(store.queued_events); }},
    {"wskit_store_queued_bytes", Kind::kNow, "Bytes on their way to the disk",
     [](const Figures& store) { return static_cast<double>(store.queued_bytes); }},
    {"wskit_store_commits_total", Kind::kTotal, "Transactions committed",
     [](const Figures& store) { return static_cast<double>(store.commits); }},
    {"wskit_store_events_written_total", Kind::kTotal, "Events put on disk",
     [](const Figures& store) { return static_cast<double>(store.stored_events); }},
    {"wskit_store_events_failed_total", Kind::kTotal,
     "Events that could not be put on disk and were taken back",
     [](const Figures& store) { return static_cast<double>(store.failed_events); }},
    {"wskit_store_events_read_total", Kind::kTotal, "Events read from the disk for replays and histories",
     [](const Figures& store) { return static_cast<double>(store.read_events); }},
    {"wskit_store_damaged_events", Kind::kNow,
     "Events that were found missing or damaged in the file and are still to be kept",
     [](const Figures& store) { return static_cast<double>(store.damaged_events); }},
    {"wskit_store_log_bytes", Kind::kNow, "Size of the write-ahead log",
     [](const Figures& store) { return static_cast<double>(store.log_bytes); }},
    {"wskit_store_log_blocked_seconds", Kind::kNow,
     "Time for which a reader has kept the write-ahead log from beginning anew, 0 where none does",
     [](const Figures& store) { return static_cast<double>(store.log_blocked.count()) / 1e6; }},
    {"wskit_store_file_bytes", Kind::kNow, "Size of the database and its write-ahead log",
     [](const Figures& store) { return static_cast<double>(store.file_bytes); }},
    {"wskit_store_last_commit_seconds", Kind::kNow, "Time that the newest commit took",
     [](const Figures& store) { return static_cast<double>(store.last_commit.count()) / 1e6; }},
    {"wskit_store_last_commit_events", Kind::kNow, "Events in the newest commit",
     [](const Figures& store) { return static_cast<double>(store.last_commit_events); }},
});

// The names that Prometheus' own clients have for them.
using P = ProcessFigures;
constexpr auto kProcess = std::to_array<Figure<P>>({
    {"process_cpu_seconds_total", Kind::kTotal, "Time on the processor, user and system",
     [](const P& process) { return process.cpu_seconds; }},
    {"process_resident_memory_bytes", Kind::kNow, "Memory in use",
     [](const P& process) { return static_cast<double>(process.resident_bytes); }},
    {"process_virtual_memory_bytes", Kind::kNow, "Address space in use",
     [](const P& process) { return static_cast<double>(process.virtual_bytes); }},
    {"process_threads", Kind::kNow, "Threads",
     [](const P& process) { return static_cast<double>(process.threads); }},
    {"process_open_fds", Kind::kNow, "Descriptors that are open",
     [](const P& process) { return static_cast<double>(process.open_descriptors); }},
    {"process_max_fds", Kind::kNow, "Descriptors that may be open",
     [](const P& process) { return static_cast<double>(process.max_descriptors); }},
    {"process_start_time_seconds", Kind::kNow, "When the process began, in seconds since 1970",
     [](const P& process) { return process.start_seconds; }},
});

class Families {
 public:
  void add(std::string_view name, Kind kind, std::string_view help, double value,
           std::vector<ClientMetric::Label> labels = {}) {
    if (families_.empty() || families_.back().name != name) {
      MetricFamily& family = families_.emplace_back();
      family.name = name;
      family.help = help;
      family.type = kind == Kind::kTotal ? MetricType::Counter : MetricType::Gauge;
    }
    ClientMetric metric;
    metric.label = std::move(labels);
    (kind == Kind::kTotal ? metric.counter.value : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }

  template <class List, class Figures>
  void add_all(const List& list, const Figures& figures) {
    for (const auto& figure : list) add(figure.metric, figure.kind, figure.help, figure.of(figures));
  }

  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

// `name="value"`, or none.
std::vector<ClientMetric::Label> labels_of(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view value = text.substr(equals + 2, text.size() - equals - 3);
  return {{std::string(text.substr(0, equals)), std::string(value)}};
}

// A total that falls means a restart to Prometheus.
std::uint64_t value_of(const CounterInfo& info, std::span<const ShardCounters* const> shards) {
  if (info.kind == Kind::kNow) return sum(shards, info.member);
  std::uint64_t total = 0;
  for (const ShardCounters* shard : shards) total += (shard->*info.member).ever();
  return total;
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  Families families;
  families.add("wskit_build_info", Kind::kNow, "1; the label says which version this is", 1,
               {{"version", WSKIT_VERSION}});
  families.add("wskit_draining", Kind::kNow, "1 once the server is leaving", input.draining ? 1 : 0);
  families.add("wskit_shards", Kind::kNow, "Threads that serve connections",
               static_cast<double>(input.shards.size()));
  for (const CounterInfo& info : counter_infos()) {
    families.add(info.metric, info.kind, info.help, static_cast<double>(value_of(info, input.shards)),
                 labels_of(info.label));
  }
  families.add("wskit_audit_lines_lost_total", Kind::kTotal, "Lines that never came into the audit log",
               static_cast<double>(input.audit_lost));
  families.add("wskit_log_lines_lost_total", Kind::kTotal, "Lines of the log that stderr did not take",
               static_cast<double>(input.log_lost));
  families.add("wskit_exceptions_total", Kind::kTotal,
               "Faults of the server itself that were caught, and ended no more than one connection or task",
               static_cast<double>(input.exceptions));
  families.add_all(kHub, input.hub);
  if (input.store) families.add_all(kStore, *input.store);
  if (input.certificate_expires != 0) {
    families.add("wskit_tls_certificate_expires_seconds", Kind::kNow,
                 "When the certificate that is served ends, in seconds since 1970",
                 static_cast<double>(input.certificate_expires));
  }
  if (input.process) families.add_all(kProcess, *input.process);
  return families.text();
}

}  // namespace wskit::server
