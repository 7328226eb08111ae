#include "wspub/journal_writer.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace wskit::pub {

JournalWriter::JournalWriter(boost::asio::io_context& io, JournalFile& file, JournalEntry on_disk,
                             std::function<void()> written)
    : io_(io),
      file_(file),
      written_(std::make_shared<std::function<void()>>(std::move(written))),
      wanted_(on_disk),
      on_disk_(std::move(on_disk)),
      thread_([this] { run(); }) {}

JournalWriter::~JournalWriter() { finish(); }

void JournalWriter::write(const JournalEntry& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_ == entry) return;
    wanted_ = entry;
  }
  changed_.notify_one();
}

void JournalWriter::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

JournalWriter::State JournalWriter::state() const {
  const std::lock_guard lock(mutex_);
  return {on_disk_.records(), error_};
}

void JournalWriter::run() {
  std::unique_lock lock(mutex_);
  while (error_.empty()) {
    changed_.wait(lock, [this] { return finishing_ || wanted_ != on_disk_; });
    if (wanted_ == on_disk_) return;  // and finishing
    const JournalEntry entry = wanted_;
    lock.unlock();
    std::string error = file_.write(entry);
    lock.lock();
    error_ = std::move(error);
    if (error_.empty()) on_disk_ = entry;
    boost::asio::post(io_, [written = std::weak_ptr(written_)] {
      if (const auto alive = written.lock()) (*alive)();
    });
    changed_.wait_for(lock, kPause, [this] { return finishing_; });
  }
}

}  // namespace wskit::pub
