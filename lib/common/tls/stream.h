// TLS on one non-blocking socket, for a loop that reads and writes by hand.
//
// Knows no loop: receive() and send() are called like recv(2) and sendmsg(2), and
// answer like them. Records are made and taken apart in memory of the caller and
// of the thread, so a stream that is idle holds no buffer; one whose peer does not
// read holds what was encrypted and not taken, at most kMaxUnsentBytes.
//
// A level-triggered loop hears of everything: receive() leaves nothing inside that
// a later one could return without new bytes from the socket.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace wskit::tls {

class Stream {
 public:
  enum class Role : std::uint8_t { kServer, kClient };

  // The socket stays the caller's and must outlive the stream.
  // REQUIRES: a context of that role.
  Stream(int fd, ssl_ctx_st& context, Role role);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The part of a buffer for receive() that is used up by what came before.
  static constexpr std::size_t kHeadroom = std::size_t{17} << 10;
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{256} << 10;

  // What arrived, decrypted; takes the handshake further. As recv(2): 0 at the
  // end; -1 and errno, EAGAIN where the socket is empty, EPROTO where the peer
  // broke TLS: then it has failed(), problem() says how, and the alert was sent as
  // far as the socket took it. The first `already_read` bytes of the buffer were
  // read from the socket before.
  // REQUIRES: more than kHeadroom, and `already_read` only before anything else.
  [[nodiscard]] ssize_t receive(std::span<char> buffer, std::size_t already_read = 0);

  // Encrypts and sends; what is taken needs no second call, even where the socket
  // did not take it yet. As sendmsg(2): how much was taken; -1 and errno, EAGAIN
  // where what was taken before must go first, or the handshake is not done.
  [[nodiscard]] ssize_t send(std::span<const iovec> slices);

  // The handshake's first step, for a client; a server waits for it.
  // False with errno if the connection is lost.
  [[nodiscard]] bool begin_handshake();

  // Sends what was taken and not sent yet, as far as the socket takes it. False
  // with errno if the connection is lost.
  [[nodiscard]] bool push();
  // Whether all that was taken is with the socket. If not: push() or send() once
  // the socket is writable.
  [[nodiscard]] bool drained() const { return unsent_.empty(); }

  // Says that nothing more will be sent; push() until drained().
  void close_notify();

  [[nodiscard]] bool established() const { return established_; }
  // Nothing more will be received, for the peer has said so or broken TLS. May
  // become so in a receive() that returns bytes.
  [[nodiscard]] bool over() const { return over_; }
  // Whether the peer broke TLS, or refused us; and why, in OpenSSL's words and as it
  // numbers them (ERR_GET_REASON).
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string problem() const;
  [[nodiscard]] unsigned long error() const { return error_; }

  // Whether the last receive() may have left something with the socket: in an
  // edge-triggered loop it has to be called again.
  [[nodiscard]] bool may_have_more() const { return may_have_more_; }

  [[nodiscard]] ssl_st& native() { return *ssl_; }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };

  // What the BIO reads from, while a call into OpenSSL is on the stack.
  friend struct StreamBio;
  std::string_view input_;

  bool shake_hands();
  std::size_t decrypt(std::span<char> buffer);
  bool encrypt(std::string_view record);
  void judge(int result);
  bool send_run();

  const int fd_;
  bool established_ = false;
  bool over_ = false;
  bool notified_ = false;
  bool failed_ = false;
  bool may_have_more_ = false;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string unsent_;       // encrypted
  unsigned long error_ = 0;  // of OpenSSL's queue
};

}  // namespace wskit::tls
