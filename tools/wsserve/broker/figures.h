// What a broker counts of the events that outlive the process.
//
// Threads: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace wskit::server::broker {

struct Figures {
  bool available = true;
  std::string reason;          // why not, for a person: SQLite's text and the system's
  std::uint64_t failures = 0;  // times that it became unavailable
  std::uint64_t trials = 0;    // since it last did, to see whether it can be written again
  std::uint64_t queued_events = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t stored_events = 0;   // since open
  std::uint64_t failed_events = 0;   // taken back since open
  std::uint64_t read_events = 0;     // since open
  std::uint64_t damaged_events = 0;  // that were found missing or damaged, and are still to be kept
  std::uint64_t file_bytes = 0;      // the database and its write-ahead log
  std::uint64_t log_bytes = 0;       // of which is the log
  // How long somebody who reads has kept the log from beginning anew; 0: nobody does.
  std::chrono::microseconds log_blocked{0};
  std::chrono::microseconds last_commit{0};
  std::uint64_t last_commit_events = 0;
};

}  // namespace wskit::server::broker
