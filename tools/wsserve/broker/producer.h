// Who publishes with sequences, so that what it sends again is recognised
// (docs/protocol.md, "Sending again").
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace wskit::server {

class Producer {
 public:
  explicit Producer(std::string_view name) : name_(name) {}

  [[nodiscard]] const std::string& name() const { return name_; }

  // No channel has accepted a greater sequence of it; a smaller one at most, where
  // events were taken back. -1: none.
  [[nodiscard]] std::int64_t newest() const { return newest_.load(std::memory_order_relaxed); }
  void accepted(std::int64_t sequence) {
    std::int64_t before = newest();
    while (before < sequence && !newest_.compare_exchange_weak(before, sequence, std::memory_order_relaxed)) {
    }
  }

 private:
  const std::string name_;
  std::atomic<std::int64_t> newest_{-1};
};

// Those of one name are the same object as long as somebody holds it.
using ProducerPtr = std::shared_ptr<Producer>;

class Producers {
 public:
  Producers();

  [[nodiscard]] ProducerPtr find_or_create(std::string_view name);

  // How many somebody holds.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Names;
  std::shared_ptr<Names> names_;  // also of producers that outlive this
};

}  // namespace wskit::server
