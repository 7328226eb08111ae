// What the durable store takes and gives: events of 200 bytes appended by one
// thread that has so many unsettled at most, and ranges read back. The file is
// made below TMPDIR: what is measured is that disk.
#include <benchmark/benchmark.h>

#include <atomic>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/scratch_folder.h"
#include "wsserve/frame/event_frame.h"
#include "wsserve/store/store.h"

namespace wskit::server::store {
namespace {

constexpr std::size_t kEventBytes = 200;
constexpr std::uint64_t kEventsARound = 200'000;

struct Nobody final : Sink {
  void committed(std::span<const Record>) override {}
  void rolled_back() override {}
};

Retention keep(std::size_t events) {
  Retention retention;
  retention.history = {.max_events = events, .max_bytes = SIZE_MAX, .max_age = std::chrono::microseconds{0}};
  return retention;
}

// A store in a folder of its own, and events for it.
class Bench {
 public:
  Bench(Sync sync, std::size_t channels, const Retention& retention, bool with_ids) : with_ids_(with_ids) {
    Options options;
    options.path = (scratch_.path() / "events.db").string();
    options.sync = sync;
    options.make_epoch = [] { return "E"; };
    store_ = Store::open(options).value();
    for (std::size_t i = 0; i != channels; ++i) {
      channels_.push_back({&store_->channel("bench/" + std::to_string(i), retention, "E"), 0});
    }
    store_->start(
        {.settled = [this] { settled_.release(); }, .availability = {}, .remark = {}, .caught = {}});
  }

  // Appends to the channels in turn, with `window` events unsettled at most.
  void append(std::uint64_t events, std::uint64_t window) {
    for (std::uint64_t i = 0; i != events; ++i) {
      await(window);
      Target& target = channels_[last_ % channels_.size()];
      protocol::EventView event;
      event.type = "trade";
      event.channel = target.channel->name();
      event.offset = ++target.newest;
      event.timestamp = "2026-11-20T10:00:00.123456Z";
      event.data = data_;
      std::string dedup;
      if (with_ids_) dedup = "producer:" + std::to_string(last_);
      const auto ticket =
          store_->append({.channel = target.channel,
                          .sink = &nobody_,
                          .frame = build_event_frame(event),
                          .received = protocol::SystemMicros(std::chrono::microseconds(last_)),
                          .dedup = std::move(dedup)});
      last_ = ticket.value();
    }
    await(1);
  }

  // Reads a channel from one end to the other; the number of events.
  std::uint64_t read(std::size_t channel, std::size_t part_bytes) {
    const Target& target = channels_[channel];
    std::uint64_t after = 0;
    while (after < target.newest) {
      std::promise<Part> promise;
      store_->read(*target.channel, after, target.newest, part_bytes,
                   [&promise](Part part) { promise.set_value(std::move(part)); });
      const Part part = promise.get_future().get();
      if (part.frames.empty()) throw std::runtime_error("nothing could be read: " + part.error);
      after += part.frames.size();
    }
    return after;
  }

  [[nodiscard]] Status status() const { return store_->status(); }

 private:
  struct Target {
    StoredChannel* channel;
    std::uint64_t newest;
  };

  // Until fewer than `window` events are unsettled.
  void await(std::uint64_t window) {
    while (last_ - store_->settled() >= window) settled_.acquire();
  }

  const bool with_ids_;
  const std::string data_ = '"' + std::string(kEventBytes - 90, 'x') + '"';
  const test::ScratchFolder scratch_;
  std::counting_semaphore<> settled_{0};
  Nobody nobody_;
  std::vector<Target> channels_;
  Ticket last_ = 0;
  std::unique_ptr<Store> store_;
};

void report(benchmark::State& state, const Bench& bench) {
  const Status status = bench.status();
  state.SetItemsProcessed(static_cast<std::int64_t>(status.stored_events));
  state.counters["events/commit"] =
      static_cast<double>(status.stored_events) / static_cast<double>(status.commits);
  state.counters["commits/s"] =
      benchmark::Counter(static_cast<double>(status.commits), benchmark::Counter::kIsRate);
}

// By how many events may be unsettled (the publishers' windows together), and how
// commits are flushed.
void append_by_window(benchmark::State& state) {
  const auto window = static_cast<std::uint64_t>(state.range(0));
  Bench bench(static_cast<Sync>(state.range(1)), 1, keep(SIZE_MAX), false);
  const std::uint64_t events = std::min(kEventsARound, window * 1'000);
  for ([[maybe_unused]] auto _ : state) bench.append(events, window);
  report(state, bench);
}
BENCHMARK(append_by_window)
    ->ArgNames({"window", "sync"})
    ->ArgsProduct({{1, 16, 256, 4'096, 65'536}, {0, 1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void append_by_channels(benchmark::State& state) {
  Bench bench(Sync::kFull, static_cast<std::size_t>(state.range(0)), keep(SIZE_MAX), false);
  for ([[maybe_unused]] auto _ : state)
    bench.append(kEventsARound, static_cast<std::uint64_t>(state.range(1)));
  report(state, bench);
}
BENCHMARK(append_by_channels)
    ->ArgNames({"channels", "window"})
    ->ArgsProduct({{1, 16, 100, 1'000, 10'000}, {4'096, 65'536}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// With so many events kept, and a dedup id each.
void append_and_let_go(benchmark::State& state) {
  Bench bench(Sync::kFull, 1, keep(static_cast<std::size_t>(state.range(0))), state.range(1) != 0);
  for ([[maybe_unused]] auto _ : state) bench.append(kEventsARound, 65'536);
  report(state, bench);
}
BENCHMARK(append_and_let_go)
    ->ArgNames({"kept", "ids"})
    ->ArgsProduct({{1'000, 10'000'000}, {0, 1}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void read_a_channel(benchmark::State& state) {
  const auto channels = static_cast<std::size_t>(state.range(0));
  Bench bench(Sync::kOff, channels, keep(SIZE_MAX), false);
  bench.append(500'000, 65'536);
  std::uint64_t events = 0;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    events += bench.read(next++ % channels, static_cast<std::size_t>(state.range(1)));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}
BENCHMARK(read_a_channel)
    ->ArgNames({"channels", "part_bytes"})
    ->ArgsProduct({{1, 1'000}, {64 << 10, 1 << 20}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace wskit::server::store
