#include "common/tls/stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace wskit::tls {
namespace {

// The most that a record carries. Fuller records cost less: each has 22 bytes and
// some two microseconds of its own.
constexpr std::size_t kRecordBytes = std::size_t{16} << 10;

// What is encrypted for one system call: enough that the call does not count, and
// little enough to keep where the peer does not take it.
constexpr std::size_t kRunBytes = 4 * kRecordBytes;

constexpr int kMaxReceives = 4;

// The records made since the last call to the socket, of the stream that is in
// use. Its memory serves all streams of the thread.
thread_local std::string run;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

// What OpenSSL reads from and writes to: the input at hand, and the run.
struct StreamBio {
  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& stream = *static_cast<Stream*>(BIO_get_data(bio));
    const std::size_t count = std::min(stream.input_.size(), static_cast<std::size_t>(size));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, stream.input_.data(), count);
    stream.input_.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    run.append(bytes, static_cast<std::size_t>(size));
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wskit stream");
      if (fresh == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(fresh, &read);
      BIO_meth_set_write(fresh, &write);
      BIO_meth_set_ctrl(fresh, &control);
      return fresh;
    }();
    return made;
  }
};

void Stream::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Stream::Stream(int fd, ssl_ctx_st& context, Role role) : fd_(fd), ssl_(SSL_new(&context)) {
  BIO* bio = BIO_new(StreamBio::method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

Stream::~Stream() = default;

// The input lies behind the headroom and the decrypted bytes grow from the front:
// of an earlier record OpenSSL holds at most its beginning, so what comes out
// never reaches what is still to go in.
ssize_t Stream::receive(std::span<char> buffer, std::size_t already_read) {
  // Again where there was nothing to return yet, so that EAGAIN says that the socket
  // is empty; not for ever, so that nobody keeps the loop busy with empty records.
  for (int turn = 0; turn < kMaxReceives && !over_; ++turn) {
    const std::span<char> room = buffer.subspan(kHeadroom);
    if (already_read > 0) {
      input_ = {buffer.data(), std::exchange(already_read, 0)};
    } else {
      const ssize_t count = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
      may_have_more_ = count == static_cast<ssize_t>(room.size());
      if (count <= 0) return count;
      input_ = {room.data(), static_cast<std::size_t>(count)};
    }
    const std::size_t decrypted = established_ || shake_hands() ? decrypt(buffer) : 0;
    input_ = {};
    if (!send_run()) return -1;
    if (decrypted > 0) return static_cast<ssize_t>(decrypted);
  }
  if (over_ && !failed_) return 0;
  may_have_more_ = !over_;
  errno = over_ ? EPROTO : EAGAIN;
  return -1;
}

bool Stream::begin_handshake() {
  shake_hands();
  return send_run();
}

bool Stream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  established_ = result == 1;
  if (!established_) judge(result);
  return established_;
}

std::size_t Stream::decrypt(std::span<char> buffer) {
  std::size_t total = 0;
  while (total < buffer.size()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), buffer.data() + total, buffer.size() - total, &count);
    if (result != 1) {
      judge(result);
      break;
    }
    total += count;
  }
  return total;
}

// What a call that did not succeed means for the stream.
void Stream::judge(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  over_ = true;
  if (error == SSL_ERROR_ZERO_RETURN) return;
  failed_ = true;
  error_ = ERR_peek_last_error();
}

std::string Stream::problem() const {
  if (!failed_) return {};
  const char* reason = ERR_reason_error_string(error_);
  return reason == nullptr ? "the peer broke TLS" : reason;
}

ssize_t Stream::send(std::span<const iovec> slices) {
  if (!push()) return -1;
  if (!drained() || !established_) {
    errno = EAGAIN;
    return -1;
  }
  if (notified_ || failed_) {
    errno = EPIPE;
    return -1;
  }
  thread_local std::array<char, kRecordBytes> record;
  std::size_t filled = 0;
  std::size_t taken = 0;
  for (const iovec& slice : slices) {
    std::string_view rest(static_cast<const char*>(slice.iov_base), slice.iov_len);
    while (!rest.empty()) {
      std::string_view whole;
      if (filled == 0 && rest.size() >= kRecordBytes) {
        whole = rest.substr(0, kRecordBytes);
        rest.remove_prefix(kRecordBytes);
      } else {
        const std::size_t part = std::min(rest.size(), kRecordBytes - filled);
        std::memcpy(record.data() + filled, rest.data(), part);
        filled += part;
        rest.remove_prefix(part);
        if (filled < kRecordBytes) continue;
        whole = {record.data(), std::exchange(filled, 0)};
      }
      if (!encrypt(whole)) return -1;
      taken += whole.size();
      if (run.size() < kRunBytes) continue;
      if (!send_run()) return -1;
      if (!drained()) return static_cast<ssize_t>(taken);
    }
  }
  if (filled > 0 && !encrypt({record.data(), filled})) return -1;
  if (!send_run()) return -1;
  return static_cast<ssize_t>(taken + filled);
}

bool Stream::encrypt(std::string_view record) {
  ERR_clear_error();
  std::size_t written = 0;
  // The BIO takes everything, so a write that does not succeed never will.
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &written);
  if (result == 1) return true;
  judge(result);
  run.clear();
  errno = EPROTO;
  return false;
}

// Hands the records that were made to the socket, behind those that wait already.
bool Stream::send_run() {
  if (run.empty()) return true;
  if (!unsent_.empty()) {
    unsent_ += run;
    run.clear();
    return push();
  }
  const ssize_t sent = ::send(fd_, run.data(), run.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  const int error = errno;
  if (sent < 0 && !would_block(error)) {
    run.clear();
    errno = error;
    return false;
  }
  unsent_.assign(run, sent < 0 ? 0 : static_cast<std::size_t>(sent));
  run.clear();
  return true;
}

bool Stream::push() {
  if (unsent_.empty()) return true;
  const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (!would_block(errno)) return false;
    // Only answers of TLS itself can get this far: a peer that asks for them without end.
    if (unsent_.size() <= kMaxUnsentBytes) return true;
    errno = ENOBUFS;
    return false;
  }
  if (static_cast<std::size_t>(sent) == unsent_.size()) {
    unsent_ = {};
  } else {
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

void Stream::close_notify() {
  if (notified_) return;
  notified_ = true;
  if (!established_ || failed_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  unsent_ += run;
  run.clear();
}

}  // namespace wskit::tls
