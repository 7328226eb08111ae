// A stream of records to a file descriptor, usually stdout: an own buffer over
// write(2), which never blocks the loop and notices a reader that has gone.
//
// Threads: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wskit::cli {

class Output {
 public:
  // Why nothing can be written any more.
  enum class End : std::uint8_t {
    kReaderGone,  // EPIPE, POLLERR: a normal end
    kFailed,      // disk full and the like; `error` says which
  };
  struct Handlers {
    std::function<void(End, int error)> ended;  // once; from the loop or from within flush()
    std::function<void()> drained;              // congested() has become false again
  };

  static constexpr std::size_t kFlushBytes = std::size_t{64} << 10;
  // Unwritten bytes from which on the output is congested, and down to which it stays so.
  static constexpr std::size_t kHighWaterBytes = std::size_t{1} << 20;
  static constexpr std::size_t kLowWaterBytes = std::size_t{256} << 10;

  // `fd` stays the caller's, and its flags as they are: others may share it.
  Output(boost::asio::io_context& io, int fd, Handlers handlers);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Where records are appended; call wrote() after each.
  [[nodiscard]] std::string& buffer();
  // Writes when the buffer has passed kFlushBytes.
  void wrote();
  void append(std::string_view bytes) {
    buffer().append(bytes);
    wrote();
  }

  // Hands everything to the kernel, as far as it takes it without blocking; the
  // rest follows when the reader has room. The rule: once when the socket has
  // nothing more to read.
  void flush();

  // The reader is slower than the records: stop producing until `drained`.
  [[nodiscard]] bool congested() const;

  // Calls `done` once everything is written, or can no longer be.
  void finish(std::function<void()> done);

  [[nodiscard]] bool ended() const;

  // Bytes that the kernel has taken so far, and those that wait for it to.
  [[nodiscard]] std::uint64_t written() const;
  [[nodiscard]] std::size_t unwritten() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace wskit::cli
