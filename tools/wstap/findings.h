// What was wrong in a run, counted by kind, for its summary.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>

#include "wstap/incident.h"

namespace wskit::tap {

class Findings {
 public:
  void add(const Incident& incident);

  [[nodiscard]] bool empty() const { return gaps_ + others() == 0; }

  // ", 2 gaps (5 events missing)" and what else was wrong; empty where nothing was.
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::uint64_t others() const { return duplicates_ + late_ + merges_ + foreign_; }

  std::uint64_t gaps_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t epochs_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t merges_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace wskit::tap
