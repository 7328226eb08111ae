#include "common/cli/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <climits>
#include <utility>

namespace wskit::cli {
namespace {

using boost::asio::posix::stream_descriptor;

// How a descriptor is written without blocking the loop.
enum class Style : std::uint8_t {
  kDirect,       // files and the like: always ready
  kNonBlocking,  // an own, non-blocking description of the same pipe or terminal
  kPolled,       // a description shared with others: asked first, then in pieces that fit
};

struct Target {
  Style style = Style::kDirect;
  int fd = -1;  // owned, but for kDirect
  int error = 0;
};

// A pipe or terminal is opened once more, because O_NONBLOCK on a description
// that the shell shares would break the shell.
Target open_target(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return {.error = errno};
  const bool pipe = S_ISFIFO(status.st_mode);
  if (!pipe && !S_ISSOCK(status.st_mode) && isatty(fd) != 1) return {.style = Style::kDirect, .fd = fd};
  if (!S_ISSOCK(status.st_mode)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int own = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own >= 0) return {.style = Style::kNonBlocking, .fd = own};
    if (pipe && errno == ENXIO) return {.error = EPIPE};
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return {.error = errno};
  return {.style = Style::kPolled, .fd = own};
}

// Whether a write of PIPE_BUF bytes would not block, or would fail.
bool has_room(int fd) {
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

class Output::State : public std::enable_shared_from_this<Output::State> {
 public:
  State(boost::asio::io_context& io, int fd, Handlers handlers)
      : io_(io), target_(open_target(fd)), watch_(io), handlers_(std::move(handlers)) {
    if (target_.error != 0 || target_.style == Style::kDirect) return;
    // Asio would make the watched descriptor non-blocking, also where others
    // share it. So it watches an epoll of ours, which watches the target.
    watch_.assign(epoll_create1(EPOLL_CLOEXEC));
    watch_target(EPOLL_CTL_ADD, 0);
  }

  ~State() {
    if (target_.style != Style::kDirect && target_.fd >= 0) close(target_.fd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start() {
    if (target_.error != 0) {
      boost::asio::post(io_, [self = shared_from_this()] { self->end(self->target_.error); });
    } else if (watch_.is_open()) {
      wait_for_target();
    }
  }

  void release() {
    handlers_ = {};
    done_ = nullptr;
    boost::system::error_code ignored;
    watch_.close(ignored);
  }

  std::string& buffer() { return buffer_; }
  [[nodiscard]] std::size_t unwritten() const { return buffer_.size() - written_; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] bool congested() const { return congested_; }
  [[nodiscard]] bool ended() const { return ended_; }

  void flush() {
    if (ended_ || target_.error != 0) {
      buffer_.clear();
      return;
    }
    if (!waiting_) write_what_fits();
    if (unwritten() > kHighWaterBytes) congested_ = true;
  }

  void finish(std::function<void()> done) {
    done_ = std::move(done);
    flush();
    check_finished();
  }

 private:
  // Until everything is written or the kernel takes no more.
  void write_what_fits() {
    while (unwritten() > 0) {
      std::size_t size = unwritten();
      if (target_.style == Style::kPolled) {
        if (!has_room(target_.fd)) return wait_for_room();
        size = std::min<std::size_t>(size, PIPE_BUF);
      }
      const ssize_t count = ::write(target_.fd, buffer_.data() + written_, size);
      if (count >= 0) {
        written_ += static_cast<std::size_t>(count);
        taken_ += static_cast<std::uint64_t>(count);
      } else if (errno == EAGAIN) {
        return wait_for_room();
      } else if (errno != EINTR) {
        return end(errno);
      }
    }
    buffer_.clear();
    written_ = 0;
  }

  void wait_for_room() {
    buffer_.erase(0, written_);
    written_ = 0;
    waiting_ = true;
    watch_target(EPOLL_CTL_MOD, EPOLLOUT);
  }

  // Errors are always watched; room (EPOLLOUT) only while something waits for it.
  void watch_target(int operation, std::uint32_t events) {
    epoll_event event{.events = events, .data = {}};
    epoll_ctl(watch_.native_handle(), operation, target_.fd, &event);
  }

  void wait_for_target() {
    watch_.async_wait(stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (error || self->ended_) return;
                        self->on_target();
                        if (!self->ended_) self->wait_for_target();
                      });
  }

  void on_target() {
    epoll_event event{};
    if (epoll_wait(watch_.native_handle(), &event, 1, 0) <= 0) return;
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) return end(EPIPE);
    if (!std::exchange(waiting_, false)) return;
    watch_target(EPOLL_CTL_MOD, 0);
    continue_writing();
  }

  void continue_writing() {
    if (ended_) return;
    write_what_fits();
    if (ended_) return;
    if (congested_ && unwritten() <= kLowWaterBytes) {
      congested_ = false;
      if (handlers_.drained) handlers_.drained();
    }
    check_finished();
  }

  void end(int error) {
    if (std::exchange(ended_, true)) return;
    buffer_.clear();
    written_ = 0;
    congested_ = false;
    boost::system::error_code ignored;
    watch_.cancel(ignored);
    if (handlers_.ended) handlers_.ended(error == EPIPE ? End::kReaderGone : End::kFailed, error);
    check_finished();
  }

  void check_finished() {
    if (!done_ || (!ended_ && unwritten() > 0)) return;
    const std::function<void()> done = std::exchange(done_, nullptr);
    done();
  }

  boost::asio::io_context& io_;
  Target target_;
  stream_descriptor watch_;  // an epoll of target_.fd
  Handlers handlers_;
  std::function<void()> done_;
  // Records; those before written_ are with the kernel. Consumed from the front
  // only when the reader is slow, so that a fast one costs no move of bytes.
  std::string buffer_;
  std::size_t written_ = 0;
  std::uint64_t taken_ = 0;  // by the kernel, in all
  bool waiting_ = false;
  bool congested_ = false;
  bool ended_ = false;
};

Output::Output(boost::asio::io_context& io, int fd, Handlers handlers)
    : state_(std::make_shared<State>(io, fd, std::move(handlers))) {
  state_->start();
}

Output::~Output() { state_->release(); }

std::string& Output::buffer() { return state_->buffer(); }

void Output::wrote() {
  if (state_->unwritten() >= kFlushBytes) state_->flush();
}

void Output::flush() { state_->flush(); }

bool Output::congested() const { return state_->congested(); }

void Output::finish(std::function<void()> done) { state_->finish(std::move(done)); }

bool Output::ended() const { return state_->ended(); }

std::uint64_t Output::written() const { return state_->taken(); }

std::size_t Output::unwritten() const { return state_->unwritten(); }

}  // namespace wskit::cli
