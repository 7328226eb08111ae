#include "wstap/enter_key.h"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace wskit::tap {
namespace {

// A process in the background that reads from its terminal is stopped.
bool keys_are_ours() { return isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp(); }

}  // namespace

EnterKey::EnterKey(boost::asio::io_context& io, std::function<void()> pressed)
    : pressed_(std::move(pressed)), input_(io) {}

bool EnterKey::listen() {
  if (!keys_are_ours()) return false;
  if (!input_.is_open()) {
    const int copy = dup(STDIN_FILENO);  // the descriptor is closed with this object
    if (copy < 0) return false;
    boost::system::error_code error;
    input_.assign(copy, error);
    if (error) {
      close(copy);
      return false;
    }
  }
  if (!std::exchange(listening_, true)) wait();
  return true;
}

void EnterKey::ignore() {
  listening_ = false;
  boost::system::error_code ignored;
  if (input_.is_open()) input_.close(ignored);
}

void EnterKey::wait() {
  input_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (!error && listening_) on_readable();
                    });
}

void EnterKey::on_readable() {
  std::array<char, 256> typed{};
  const ssize_t count = keys_are_ours() ? read(input_.native_handle(), typed.data(), typed.size()) : 0;
  if (count <= 0) return ignore();
  wait();
  const std::string_view text(typed.data(), static_cast<std::size_t>(count));
  if (text.find('\n') != std::string_view::npos) pressed_();
}

}  // namespace wskit::tap
