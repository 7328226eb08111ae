// Keeps the cursor file behind what was written: a position is saved only once
// the records up to it have left.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/cli/output.h"
#include "common/protocol/position.h"
#include "wstap/cursor_file.h"

namespace wskit::tap {

class CursorKeeper {
 public:
  // `position`: where a run that goes on behind what has been put into `output`
  // begins. `failed` hears why a save did not succeed; later ones are tried all
  // the same. `output_fd` is where the records go: a file is flushed to the disk
  // before the cursor is, so that a power cut cannot leave it ahead.
  struct Handlers {
    std::function<protocol::FromPositions()> position;
    std::function<void(const std::string& message)> failed;
  };
  CursorKeeper(boost::asio::io_context& io, CursorFile file, const cli::Output& output, int output_fd,
               Handlers handlers);

  // The position has moved. REQUIRES: all records up to it are in the output.
  void moved();

  // The last save, once the output has written what it could.
  void finish();

  // The last save did not succeed.
  [[nodiscard]] bool behind() const { return behind_; }

 private:
  struct Pending {
    std::uint64_t written;  // bytes of output that must have left first
    protocol::FromPositions since;
  };

  void save_what_left();
  void save(const protocol::FromPositions& since);
  void schedule();

  CursorFile file_;
  const cli::Output& output_;
  int output_fd_;
  bool output_is_file_;
  Handlers handlers_;
  boost::asio::steady_timer timer_;
  std::chrono::nanoseconds interval_;
  std::optional<Pending> pending_;
  bool moved_ = false;
  bool scheduled_ = false;
  bool behind_ = false;
};

}  // namespace wskit::tap
