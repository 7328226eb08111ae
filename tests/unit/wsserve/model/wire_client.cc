#include "wire_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "common/websocket/deflate.h"
#include "common/websocket/handshake.h"
#include "common/websocket/message_writer.h"

namespace wskit::server::model {
namespace {

using websocket::MessageReader;
using websocket::Opcode;

constexpr websocket::DeflateParameters kDeflateWish{};

int connect_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

WireClient::WireClient(const std::string& socket_path, std::string_view target, bool offer_deflate)
    : fd_(connect_unix(socket_path)), reader_(websocket::Role::kClient, limits_) {
  unsent_ = "GET " + std::string(target) +
            " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
            websocket::make_key() + "\r\n";
  if (offer_deflate) {
    unsent_ += "Sec-WebSocket-Extensions: " + websocket::deflate_offer(kDeflateWish) + "\r\n";
  }
  unsent_ += "\r\n";
  write_some();
}

WireClient::~WireClient() { ::close(fd_); }

void WireClient::send_text(std::string_view text) {
  websocket::append_frame(unsent_, Opcode::kText, text, &masks_);
  // Commands may not overtake the request.
  if (open_) write_some();
}

void WireClient::pump() {
  if (ended_) return;
  write_some();
  read_some();
}

void WireClient::write_some() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // That the peer is gone shows when it is read.
    if (sent <= 0) return;
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
}

void WireClient::read_some() {
  std::array<char, 65'536> buffer;
  while (!ended_) {
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      ended_ = true;
      return;
    }
    take({buffer.data(), static_cast<std::size_t>(count)});
  }
}

void WireClient::take(std::string_view bytes) {
  if (!open_ && !take_upgrade(bytes)) return;
  if (!bytes.empty()) take_frames(bytes);
}

bool WireClient::take_upgrade(std::string_view& bytes) {
  const std::size_t before = upgrade_.size();
  upgrade_ += bytes;
  const std::size_t end = upgrade_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  bytes.remove_prefix(end + 4 - before);
  upgrade_.resize(end + 2);
  if (!upgrade_.starts_with("HTTP/1.1 101 ")) {
    fail("the upgrade was answered with " + upgrade_.substr(0, upgrade_.find('\r')));
    return false;
  }
  constexpr std::string_view kHeader = "Sec-WebSocket-Extensions: ";
  if (const std::size_t header = upgrade_.find(kHeader); header != std::string::npos) {
    const std::size_t begin = header + kHeader.size();
    const auto agreed = websocket::accept_deflate(
        std::string_view(upgrade_).substr(begin, upgrade_.find('\r', begin) - begin), kDeflateWish);
    if (!agreed) {
      fail("the answer to the deflate offer is none");
      return false;
    }
    reader_.own_inflater(std::make_unique<websocket::Inflater>(agreed->server_max_window_bits,
                                                               !agreed->server_no_context_takeover));
  }
  open_ = true;
  return true;
}

void WireClient::take_frames(std::string_view bytes) {
  std::vector<char> unmasked(bytes.begin(), bytes.end());
  unmasked.resize(unmasked.size() + MessageReader::kPadding);
  reader_.feed({unmasked.data(), bytes.size()});
  while (true) {
    const MessageReader::Item item = reader_.next();
    switch (item.kind) {
      case MessageReader::Kind::kNeedMore:
        return;
      case MessageReader::Kind::kMessage:
        heard_.emplace_back(item.payload.data(), item.payload.size());
        break;
      case MessageReader::Kind::kPing:
        websocket::append_frame(unsent_, Opcode::kPong, {item.payload.data(), item.payload.size()}, &masks_);
        write_some();
        break;
      case MessageReader::Kind::kPong:
        break;
      case MessageReader::Kind::kClose:
        close_code_ = item.code;
        close_reason_ = item.reason;
        websocket::append_close(unsent_, item.code, {}, &masks_);
        write_some();
        ended_ = true;
        return;
      case MessageReader::Kind::kViolation:
        return fail("the server broke the protocol: " + std::string(item.reason));
    }
  }
}

void WireClient::fail(std::string why) {
  broken_ = std::move(why);
  ended_ = true;
}

}  // namespace wskit::server::model
