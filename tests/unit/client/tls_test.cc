#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "common/client/client.h"
#include "common/client/tls.h"
#include "fake_server.h"
#include "test_loop.h"

namespace wskit::client {
namespace {

namespace ssl = boost::asio::ssl;
using testing::FakePeer;
using testing::FakeServer;
using ::testing::HasSubstr;

struct Identity {
  std::string certificate;  // PEM
  std::string key;
};

std::string pem_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// A certificate that vouches for itself, for `alternative_name` ("IP:127.0.0.1"),
// until so many seconds from now.
Identity make_identity(const char* alternative_name, long valid_until = 3600) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_until);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const std::string common_name = "wskit test";
  X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
                             static_cast<const unsigned char*>(static_cast<const void*>(common_name.c_str())),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name);
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate.get(), key.get(), EVP_sha256());

  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate_bio(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificate_bio.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {pem_of(certificate_bio.get()), pem_of(key_bio.get())};
}

class Recorder : public ClientHandler {
 public:
  void on_open() override {}
  void on_message(std::string_view text) override { message = text; }
  void on_disconnect(const Failure&, std::chrono::nanoseconds, bool) override {}
  void on_end(const Failure& why) override { end = why; }

  std::string message;
  std::optional<Failure> end;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    ca_file_ =
        std::filesystem::temp_directory_path() / ("wskit-tls-test-" + std::to_string(getpid()) + ".pem");
    server_.on_open = [](FakePeer& peer) { peer.send("over tls"); };
  }
  ~TlsTest() override {
    std::filesystem::remove(ca_file_);
    std::filesystem::remove(cert_file_);
  }

  void serve(const char* alternative_name, long valid_until = 3600) {
    const Identity identity = make_identity(alternative_name, valid_until);
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    if (!client_authority_.empty()) {
      context->add_certificate_authority(boost::asio::buffer(client_authority_));
      context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
    if (no_tls_1_3_) context->set_options(ssl::context::no_tlsv1_3);
    context->use_certificate_chain(boost::asio::buffer(identity.certificate));
    context->use_private_key(boost::asio::buffer(identity.key), ssl::context::pem);
    server_.use_tls(context);
    std::ofstream(ca_file_) << identity.certificate;
    options_.url = server_.url();
  }

  // From now on servers want this client's certificate.
  void have_certificate() {
    const Identity identity = make_identity("DNS:client");
    std::ofstream(cert_file_) << identity.certificate << identity.key;
    client_authority_ = identity.certificate;
  }

  [[nodiscard]] std::string failure() const { return recorder_.end ? recorder_.end->message : std::string{}; }

  void run() {
    client_.emplace(io_, options_, recorder_);
    client_->start();
    ASSERT_TRUE(testing::run_until(io_, [&] { return recorder_.end || !recorder_.message.empty(); }));
  }

  boost::asio::io_context io_;
  FakeServer server_{io_};
  std::filesystem::path ca_file_;
  std::filesystem::path cert_file_ =
      std::filesystem::temp_directory_path() / ("wskit-tls-client-" + std::to_string(getpid()) + ".pem");
  std::string client_authority_;  // PEM; empty: clients need no certificate
  bool no_tls_1_3_ = false;
  ClientOptions options_;
  Recorder recorder_;
  std::optional<Client> client_;
};

TEST_F(TlsTest, TrustsTheAuthorityThatWasGiven) {
  serve("IP:127.0.0.1");
  options_.tls.ca_file = ca_file_;
  run();
  EXPECT_EQ(recorder_.message, "over tls");
}

TEST_F(TlsTest, RefusesACertificateThatNobodyVouchesFor) {
  serve("IP:127.0.0.1");
  run();
  ASSERT_TRUE(recorder_.end);
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
  EXPECT_NE(recorder_.end->message.find("--cacert"), std::string::npos);
}

TEST_F(TlsTest, RefusesATrustedCertificateForAnotherHost) {
  serve("DNS:elsewhere.example");
  options_.tls.ca_file = ca_file_;
  run();
  ASSERT_TRUE(recorder_.end);
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
}

TEST_F(TlsTest, TakesAnyCertificateWhenToldSo) {
  serve("DNS:elsewhere.example");
  options_.tls.insecure = true;
  run();
  EXPECT_EQ(recorder_.message, "over tls");
}

TEST_F(TlsTest, SaysWhoseCertificateItIsInstead) {
  serve("DNS:elsewhere.example");
  options_.tls.ca_file = ca_file_;
  run();
  EXPECT_THAT(failure(), HasSubstr("is for DNS:elsewhere.example and not for 127.0.0.1"));
}

TEST_F(TlsTest, SaysThatACertificateHasExpired) {
  serve("IP:127.0.0.1", -60);
  options_.tls.ca_file = ca_file_;
  run();
  EXPECT_THAT(failure(), HasSubstr("expired on "));
  EXPECT_THAT(failure(), HasSubstr("renew it"));
  EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
}

TEST_F(TlsTest, ShowsItsOwnCertificate) {
  for (const bool old : {false, true}) {
    no_tls_1_3_ = old;
    have_certificate();
    serve("IP:127.0.0.1");
    options_.tls.ca_file = ca_file_;
    options_.tls.cert_file = cert_file_;
    recorder_ = {};
    run();
    EXPECT_EQ(recorder_.message, "over tls") << failure();
  }
}

TEST_F(TlsTest, IsToldToShowOne) {
  for (const bool old : {false, true}) {
    no_tls_1_3_ = old;
    have_certificate();
    serve("IP:127.0.0.1");
    options_.tls.ca_file = ca_file_;
    recorder_ = {};
    run();
    ASSERT_TRUE(recorder_.end);
    EXPECT_EQ(recorder_.end->kind, FailureKind::kRefused);
    EXPECT_THAT(failure(), HasSubstr("--cert and --key-file"));
  }
}

TEST_F(TlsTest, IsToldThatItsOwnIsNotTaken) {
  have_certificate();
  serve("IP:127.0.0.1");
  have_certificate();  // another one than the server trusts
  options_.tls.ca_file = ca_file_;
  options_.tls.cert_file = cert_file_;
  run();
  EXPECT_THAT(failure(), HasSubstr("does not take the certificate"));
}

TEST_F(TlsTest, APlainServerBehindWssIsUnreachable) {
  options_.url = server_.url();
  options_.url.transport = Transport::kTls;
  options_.connect_timeout = std::chrono::milliseconds{300};
  run();
  ASSERT_TRUE(recorder_.end);
  EXPECT_EQ(recorder_.end->kind, FailureKind::kUnreachable);
}

TEST_F(TlsTest, ATlsServerBehindWsIsToldApart) {
  serve("IP:127.0.0.1");
  options_.url.transport = Transport::kTcp;
  run();
  EXPECT_THAT(failure(), HasSubstr("use wss://127.0.0.1"));
}

TEST(TlsOptionsTest, AFileWithoutCertificatesIsNamed) {
  EXPECT_FALSE(check_tls_options({}));
  const auto fault = check_tls_options({.ca_file = "/does/not/exist.pem"});
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->find("/does/not/exist.pem"), std::string::npos);
}

TEST(TlsOptionsTest, AKeyThatDoesNotFitIsNamed) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  const std::string stem = (folder / ("wskit-tls-files-" + std::to_string(getpid()))).string();
  const Identity one = make_identity("DNS:one");
  const Identity other = make_identity("DNS:other");
  std::ofstream(stem + ".pem") << one.certificate;
  std::ofstream(stem + ".key") << other.key;
  const auto fault = [](TlsOptions options) { return check_tls_options(options).value_or(""); };
  EXPECT_THAT(fault({.cert_file = stem + ".pem"}), HasSubstr("name that with --key-file"));
  EXPECT_THAT(fault({.cert_file = stem + ".pem", .key_file = stem + ".key"}), HasSubstr("is not that of"));
  EXPECT_THAT(fault({.cert_file = stem + ".key"}), HasSubstr("it holds none in PEM format"));
  EXPECT_THAT(fault({.key_file = stem + ".key"}), HasSubstr("--key-file: name its certificate"));
  EXPECT_THAT(fault({.cert_file = stem + ".none"}), HasSubstr("No such file"));
  std::ofstream(stem + ".key") << one.key;
  EXPECT_EQ(fault({.cert_file = stem + ".pem", .key_file = stem + ".key"}), "");
  std::filesystem::remove(stem + ".pem");
  std::filesystem::remove(stem + ".key");
}

}  // namespace
}  // namespace wskit::client
