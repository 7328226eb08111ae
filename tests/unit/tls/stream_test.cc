#include "common/tls/stream.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace wskit::tls {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

// A server's context whose certificate nobody vouches for.
ContextPtr server_context() {
  ContextPtr context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  return context;
}

ContextPtr client_context(int version) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  return context;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

class StreamTest : public testing::TestWithParam<int> {
 protected:
  StreamTest() : server_context_(server_context()), client_context_(client_context(GetParam())) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets_.data()), 0);
    server_.emplace(sockets_[0], *server_context_, Stream::Role::kServer);
    client_.emplace(sockets_[1], *client_context_, Stream::Role::kClient);
  }
  ~StreamTest() override {
    for (const int fd : sockets_) ::close(fd);
  }

  // What arrives now; errno as receive() leaves it.
  std::string read(Stream& stream) {
    std::string all;
    for (;;) {
      count_ = stream.receive(buffer_);
      if (count_ <= 0) return all;
      all.append(buffer_.data(), static_cast<std::size_t>(count_));
    }
  }

  void shake_hands() {
    ASSERT_TRUE(client_->begin_handshake());
    for (int i = 0; i < 4; ++i) {
      read(*server_);
      read(*client_);
    }
    ASSERT_TRUE(server_->established());
    ASSERT_TRUE(client_->established());
  }

  static ssize_t send(Stream& stream, std::string_view text) {
    const iovec slice{const_cast<char*>(text.data()), text.size()};
    return stream.send({&slice, 1});
  }

  // Everything, as long as the other side reads.
  std::string carry(Stream& from, Stream& to, std::string_view text) {
    std::string arrived;
    while (!text.empty() || !from.drained()) {
      const ssize_t sent = text.empty() ? (from.push() ? 0 : -1) : send(from, text);
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
      EXPECT_TRUE(sent >= 0 || errno == EAGAIN);
      arrived += read(to);
      if (sent < 0 && errno != EAGAIN) break;
    }
    return arrived + read(to);
  }

  std::array<int, 2> sockets_{};
  ContextPtr server_context_;
  ContextPtr client_context_;
  std::optional<Stream> server_;
  std::optional<Stream> client_;
  std::vector<char> buffer_ = std::vector<char>(kBufferBytes);
  ssize_t count_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Versions, StreamTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? std::string("Tls12")
                                                                  : std::string("Tls13");
                         });

TEST_P(StreamTest, CarriesBytesOfAnyLengthBothWays) {
  shake_hands();
  for (const std::size_t size : {1UL, 2UL, 16'383UL, 16'384UL, 16'385UL, 100'000UL, 3'000'000UL}) {
    const std::string text = pattern(size);
    EXPECT_EQ(carry(*client_, *server_, text), text) << size;
    EXPECT_EQ(carry(*server_, *client_, text), text) << size;
  }
}

TEST_P(StreamTest, SendsNothingBeforeHandsAreShaken) {
  EXPECT_EQ(send(*server_, "early"), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_TRUE(server_->drained());
}

TEST_P(StreamTest, AnEmptySocketIsNoEnd) {
  shake_hands();
  EXPECT_EQ(server_->receive(buffer_), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(server_->over());
}

TEST_P(StreamTest, JoinsSlicesIntoFullRecords) {
  shake_hands();
  const std::string small = pattern(100);
  const std::vector<iovec> slices(300, iovec{const_cast<char*>(small.data()), small.size()});
  ASSERT_EQ(server_->send(slices), 30'000);
  std::vector<char> raw(kBufferBytes);
  const ssize_t count = ::recv(sockets_[1], raw.data(), raw.size(), MSG_PEEK);
  // Two records: 30,000 bytes and at most 29 for each.
  EXPECT_GT(count, 30'000);
  EXPECT_LE(count, 30'058);
  std::string expected;
  for (std::size_t i = 0; i < slices.size(); ++i) expected += small;
  EXPECT_EQ(read(*client_), expected);
}

TEST_P(StreamTest, WhatIsTakenIsNotAskedForAgain) {
  shake_hands();
  const std::string text = pattern(200'000);
  std::size_t taken = 0;
  while (taken < 100 * text.size()) {
    const ssize_t sent = send(*server_, text);
    if (sent < 0) break;
    taken += static_cast<std::size_t>(sent);
  }
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_FALSE(server_->drained());
  std::string arrived;
  while (!server_->drained()) {
    arrived += read(*client_);
    ASSERT_TRUE(server_->push());
  }
  arrived += read(*client_);
  EXPECT_EQ(arrived.size(), taken);
}

TEST_P(StreamTest, RecordsInPiecesArePutTogether) {
  shake_hands();
  const std::string text = pattern(50'000);
  ASSERT_EQ(send(*client_, text), 50'000);
  std::vector<char> raw(2 * kBufferBytes);
  const ssize_t size = ::recv(sockets_[0], raw.data(), raw.size(), 0);
  ASSERT_GT(size, 50'000);
  // What the test sends to the client's end arrives at the server's.
  std::minstd_rand random(7);
  std::string arrived;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const std::size_t part = std::min<std::size_t>(1 + random() % 3000, static_cast<std::size_t>(size) - at);
    ASSERT_EQ(::send(sockets_[1], raw.data() + at, part, 0), static_cast<ssize_t>(part));
    at += part;
    arrived += read(*server_);
    EXPECT_EQ(errno, EAGAIN);
  }
  EXPECT_EQ(arrived, text);
}

TEST_P(StreamTest, BytesReadBeforehandAreTheFirst) {
  ASSERT_TRUE(client_->begin_handshake());
  const ssize_t hello = ::recv(sockets_[0], buffer_.data(), buffer_.size(), 0);
  ASSERT_GT(hello, 0);
  EXPECT_EQ(server_->receive(buffer_, static_cast<std::size_t>(hello)), -1);
  EXPECT_EQ(errno, EAGAIN);
  for (int i = 0; i < 3; ++i) {
    read(*client_);
    read(*server_);
  }
  EXPECT_TRUE(server_->established());
}

TEST_P(StreamTest, AnEndIsSaidAndUnderstood) {
  shake_hands();
  ASSERT_EQ(send(*server_, "last words"), 10);
  server_->close_notify();
  ASSERT_TRUE(server_->push());
  EXPECT_EQ(read(*client_), "last words");
  EXPECT_EQ(count_, 0);
  EXPECT_TRUE(client_->over());
  EXPECT_FALSE(client_->failed());
  // The other direction is open.
  ASSERT_EQ(send(*client_, "and mine"), 8);
  EXPECT_EQ(read(*server_), "and mine");
  EXPECT_EQ(send(*server_, "no"), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_P(StreamTest, ASocketThatEndsIsAnEnd) {
  shake_hands();
  ASSERT_EQ(send(*client_, "bye"), 3);
  ::shutdown(sockets_[1], SHUT_WR);
  EXPECT_EQ(read(*server_), "bye");
  EXPECT_EQ(count_, 0);
}

TEST_P(StreamTest, GarbageIsAFailureWithAReasonAndAnAlert) {
  shake_hands();
  const std::string garbage = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  ASSERT_EQ(::send(sockets_[1], garbage.data(), garbage.size(), 0), 37);
  EXPECT_EQ(read(*server_), "");
  EXPECT_EQ(count_, -1);
  EXPECT_EQ(errno, EPROTO);
  EXPECT_TRUE(server_->failed());
  EXPECT_FALSE(server_->problem().empty());
  EXPECT_EQ(send(*server_, "more"), -1);
  read(*client_);
  EXPECT_TRUE(client_->failed()) << "the alert arrives";
}

TEST_P(StreamTest, WhatCameBeforeGarbageIsReturned) {
  shake_hands();
  ASSERT_EQ(send(*client_, "fine"), 4);
  ASSERT_EQ(::send(sockets_[1], "garbage garbage", 15, 0), 15);
  EXPECT_EQ(server_->receive(buffer_), 4);
  EXPECT_TRUE(server_->failed());
  EXPECT_EQ(server_->receive(buffer_), -1);
  EXPECT_EQ(errno, EPROTO);
}

TEST_P(StreamTest, AHelloBrokenAnywhereNeverEstablishes) {
  ASSERT_TRUE(client_->begin_handshake());
  std::string hello(4096, '\0');
  const ssize_t size = ::recv(sockets_[0], hello.data(), hello.size(), 0);
  ASSERT_GT(size, 0);
  hello.resize(static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < hello.size(); ++at) {
    std::string broken = hello;
    broken[at] = static_cast<char>(broken[at] ^ 0xFF);
    server_.emplace(sockets_[0], *server_context_, Stream::Role::kServer);
    ASSERT_EQ(::send(sockets_[1], broken.data(), broken.size(), 0), size);
    EXPECT_EQ(read(*server_), "");
    EXPECT_FALSE(server_->established());
    EXPECT_EQ(errno, server_->failed() ? EPROTO : EAGAIN);
    while (::recv(sockets_[1], buffer_.data(), buffer_.size(), 0) > 0) {
    }
    while (::recv(sockets_[0], buffer_.data(), buffer_.size(), 0) > 0) {
    }
  }
}

}  // namespace
}  // namespace wskit::tls
