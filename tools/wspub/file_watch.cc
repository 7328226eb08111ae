#include "wspub/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <tuple>
#include <utility>

namespace wskit::pub {
namespace {

// File systems of other machines say nothing of what happens there.
constexpr std::chrono::seconds kLookAnyway{1};

}  // namespace

void FileWatch::watch(const std::string& path) {
  boost::system::error_code ignored;
  events_.close(ignored);
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return;  // looking anyway is enough
  events_.assign(fd);
  std::ignore = inotify_add_watch(fd, path.c_str(), IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::ignore = inotify_add_watch(fd, folder.empty() ? "." : folder.c_str(), IN_CREATE | IN_MOVED_TO);
}

void FileWatch::async_wait(std::function<void()> changed) {
  changed_ = std::move(changed);
  timer_.expires_after(kLookAnyway);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) wake();
  });
  if (!events_.is_open()) return;
  events_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (!error) wake();
                     });
}

void FileWatch::wake() {
  const auto changed = std::exchange(changed_, nullptr);
  cancel();
  std::array<char, 4096> events;
  while (events_.is_open() && ::read(events_.native_handle(), events.data(), events.size()) > 0) continue;
  if (changed) changed();
}

void FileWatch::cancel() {
  changed_ = nullptr;
  timer_.cancel();
  boost::system::error_code ignored;
  if (events_.is_open()) events_.cancel(ignored);
}

}  // namespace wskit::pub
