#include "wstap/cursor_keeper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace wskit::tap {
namespace {

using Clock = std::chrono::steady_clock;

// What a kill -9 may repeat.
constexpr std::chrono::milliseconds kInterval{100};
// Saving takes no more than this part of the time, however many channels there are.
constexpr int kShare = 10;

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

CursorKeeper::CursorKeeper(boost::asio::io_context& io, CursorFile file, const cli::Output& output,
                           int output_fd, Handlers handlers)
    : file_(std::move(file)),
      output_(output),
      output_fd_(output_fd),
      output_is_file_(is_file(output_fd)),
      handlers_(std::move(handlers)),
      timer_(io),
      interval_(kInterval) {}

void CursorKeeper::moved() {
  moved_ = true;
  schedule();
}

void CursorKeeper::schedule() {
  if (std::exchange(scheduled_, true)) return;
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    scheduled_ = false;
    save_what_left();
    if (moved_ || pending_) schedule();
  });
}

void CursorKeeper::save_what_left() {
  if (!output_.ended() && output_.unwritten() == 0) {
    if (!moved_ && !pending_) return;
    moved_ = false;
    pending_.reset();
    return save(handlers_.position());
  }
  if (pending_ && pending_->written <= output_.written()) save(std::exchange(pending_, std::nullopt)->since);
  if (pending_ || !moved_ || output_.ended()) return;
  moved_ = false;
  pending_ = Pending{output_.written() + output_.unwritten(), handlers_.position()};
}

void CursorKeeper::save(const protocol::FromPositions& since) {
  const Clock::time_point began = Clock::now();
  if (output_is_file_) static_cast<void>(::fdatasync(output_fd_));
  const CursorResult<void> saved = file_.save(since);
  behind_ = !saved;
  if (!saved) handlers_.failed(saved.error().message);
  interval_ = std::max<std::chrono::nanoseconds>(kInterval, (Clock::now() - began) * kShare);
}

void CursorKeeper::finish() {
  timer_.cancel();
  scheduled_ = true;  // nothing follows
  save_what_left();
}

}  // namespace wskit::tap
