#include "wsserve/auth/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/pem.h>

#include <nlohmann/json.hpp>
#include <random>

#include "token_forge.h"
#include "wsserve/auth/key_file.h"
#include "wsserve/auth/public_key.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret(48, 's');
constexpr std::int64_t kNow = 1'800'000'000;

std::chrono::system_clock::time_point at(std::int64_t seconds) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

Key public_key(const std::string& pem, const std::string& id = "") {
  const BioPtr memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const PkeyPtr key(PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr));
  return to_key(*key, id).value();
}

Key secret(const std::string& bytes, const std::string& id = "") { return to_key(bytes, id).value(); }

class TokenTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rsa() = make_rsa_pair();
    p256() = make_ec_pair("P-256");
    p384() = make_ec_pair("P-384");
    p521() = make_ec_pair("P-521");
  }
  static KeyPair& rsa() {
    static KeyPair pair;
    return pair;
  }
  static KeyPair& p256() {
    static KeyPair pair;
    return pair;
  }
  static KeyPair& p384() {
    static KeyPair pair;
    return pair;
  }
  static KeyPair& p521() {
    static KeyPair pair;
    return pair;
  }

  // Why the token is refused; "taken" if it is not.
  [[nodiscard]] std::string refusal(const std::string& token) const {
    const auto taken = verify(rules, token, at(kNow));
    EXPECT_EQ(ERR_peek_error(), 0UL) << "an error is left in the thread's queue";
    if (taken) return "taken";
    EXPECT_EQ(taken.error().code, protocol::ErrorCode::kUnauthorized);
    if (token.size() > 8) {
      EXPECT_THAT(taken.error().message, Not(HasSubstr(token)));
    }
    return json::parse(taken.error().details)["reason"];
  }

  TokenRules rules{.keys = {secret(kSecret)}, .issuers = {}, .audiences = {}};
  const json claims{{"sub", "ann"}};
};

TEST_F(TokenTest, TakesEachAlgorithmByItsKey) {
  const std::vector<std::tuple<jwt_alg_t, Key, std::string>> all{
      {JWT_ALG_HS256, secret(kSecret), kSecret},
      {JWT_ALG_HS384, secret(kSecret), kSecret},
      {JWT_ALG_HS512, secret(kSecret), kSecret},
      {JWT_ALG_RS256, public_key(rsa().public_pem), rsa().private_pem},
      {JWT_ALG_RS384, public_key(rsa().public_pem), rsa().private_pem},
      {JWT_ALG_RS512, public_key(rsa().public_pem), rsa().private_pem},
      {JWT_ALG_ES256, public_key(p256().public_pem), p256().private_pem},
      {JWT_ALG_ES384, public_key(p384().public_pem), p384().private_pem},
      {JWT_ALG_ES512, public_key(p521().public_pem), p521().private_pem},
  };
  for (const auto& [algorithm, key, signing] : all) {
    rules.keys = {key};
    const std::string token = sign(claims, algorithm, signing);
    const auto taken = verify(rules, token, at(kNow));
    ASSERT_TRUE(taken) << jwt_alg_str(algorithm) << ": " << taken.error().message;
    EXPECT_EQ(taken->find("sub"), R"("ann")");
    std::string other = token;
    char& inner = other[other.rfind('.') + 5];
    inner = inner == 'A' ? 'B' : 'A';
    EXPECT_EQ(refusal(other), "signature") << jwt_alg_str(algorithm);
  }
}

TEST_F(TokenTest, TakesASignatureInItsOneFormOnly) {
  const std::vector<std::tuple<jwt_alg_t, Key, std::string>> all{
      {JWT_ALG_HS256, secret(kSecret), kSecret},
      {JWT_ALG_RS256, public_key(rsa().public_pem), rsa().private_pem},
      {JWT_ALG_ES256, public_key(p256().public_pem), p256().private_pem},
      {JWT_ALG_ES512, public_key(p521().public_pem), p521().private_pem},
  };
  for (const auto& [algorithm, key, signing] : all) {
    rules.keys = {key};
    const std::string token = sign(claims, algorithm, signing);
    ASSERT_EQ(refusal(token), "taken");
    std::string same_bytes = token;
    ++same_bytes.back();  // which changes bits that stand for nothing
    if (token.substr(token.rfind('.') + 1).size() % 4 != 0) {
      EXPECT_EQ(refusal(same_bytes), "signature") << jwt_alg_str(algorithm);
    }
    EXPECT_EQ(refusal(token + "AAAA"), "signature") << jwt_alg_str(algorithm);
    EXPECT_EQ(refusal(token.substr(0, token.size() - 4)), "signature") << jwt_alg_str(algorithm);
    const std::string text = token.substr(0, token.rfind('.') + 1);
    EXPECT_EQ(refusal(text + std::string(86, 'A')), "signature") << jwt_alg_str(algorithm) << ": zeros";
  }
}

TEST_F(TokenTest, RefusesATokenWithoutASignature) {
  const std::string payload = base64url(claims.dump());
  for (const char* algorithm : {"none", "None", "NONE", "nOnE"}) {
    const std::string header = base64url(json{{"alg", algorithm}, {"typ", "JWT"}}.dump());
    EXPECT_EQ(refusal(header + "." + payload + "."), "malformed") << algorithm;
    EXPECT_EQ(refusal(header + "." + payload), "malformed") << algorithm;
    EXPECT_EQ(refusal(header + "." + payload + ".AAAA"), "algorithm") << algorithm;
    EXPECT_EQ(refusal(forge(json{{"alg", algorithm}}.dump(), claims.dump(), kSecret)), "algorithm");
  }
}

TEST_F(TokenTest, NeverTakesAPublicKeyForASecret) {
  rules.keys = {public_key(rsa().public_pem), public_key(p256().public_pem)};
  for (const KeyPair* pair : {&rsa(), &p256()}) {
    for (const jwt_alg_t algorithm : {JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512}) {
      EXPECT_EQ(refusal(sign(claims, algorithm, pair->public_pem)), "algorithm");
    }
  }
  rules.keys.push_back(secret(kSecret));
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_HS256, rsa().public_pem)), "signature");
}

TEST_F(TokenTest, BindsAKeyToItsFamilyAndCurve) {
  rules.keys = {public_key(p384().public_pem)};
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_ES384, p384().private_pem)), "taken");
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_ES256, p384().private_pem)), "algorithm");
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_RS256, rsa().private_pem)), "algorithm");
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_ES384, make_ec_pair("P-384").private_pem)), "signature");
}

TEST_F(TokenTest, RefusesAlgorithmsThatItDoesNotKnow) {
  // libjwt knows its own in any letters, and the others not at all.
  EXPECT_EQ(refusal(forge(R"({"alg":"hs256"})", claims.dump(), kSecret)), "algorithm");
  for (const char* algorithm : {"HS1", "PS256", "EdDSA", "", "HS256 "}) {
    EXPECT_EQ(refusal(forge(json{{"alg", algorithm}}.dump(), claims.dump(), kSecret)), "algorithm")
        << algorithm;
  }
}

TEST_F(TokenTest, ATokenThatNamesItsKeyIsCheckedWithThatOneAlone) {
  const std::string old_secret(40, 'o');
  rules.keys = {secret(kSecret, "new"), secret(old_secret, "old"), public_key(p256().public_pem, "ec")};
  const auto signed_as = [&](const std::string& key, const char* id) {
    return sign(claims, JWT_ALG_HS256, key, {{"kid", id}});
  };
  EXPECT_EQ(refusal(signed_as(kSecret, "new")), "taken");
  EXPECT_EQ(refusal(signed_as(old_secret, "old")), "taken");
  EXPECT_EQ(refusal(signed_as(old_secret, "new")), "signature");
  EXPECT_EQ(refusal(signed_as(kSecret, "other")), "unknown_key");
  EXPECT_EQ(refusal(signed_as(kSecret, "")), "unknown_key");
  EXPECT_EQ(refusal(signed_as(kSecret, "ec")), "algorithm");
  EXPECT_EQ(refusal(sign(claims, JWT_ALG_HS256, old_secret)), "taken") << "which names none";
  EXPECT_EQ(refusal(forge(R"({"alg":"HS256","kid":7})", "{}", kSecret)), "malformed");
  rules.keys = {secret(kSecret)};
  EXPECT_EQ(refusal(signed_as(kSecret, "new")), "unknown_key") << "a key without a name";
}

TEST_F(TokenTest, KeepsToItsTimes) {
  const auto with = [&](json more) {
    more.update(claims);
    return refusal(sign(more, JWT_ALG_HS256, kSecret));
  };
  EXPECT_EQ(with({{"exp", kNow + 1}}), "taken");
  EXPECT_EQ(with({{"exp", kNow}}), "expired") << "on or after which it must not be taken";
  EXPECT_EQ(with({{"exp", 0}}), "expired");
  EXPECT_EQ(with({{"exp", -1}}), "expired");
  EXPECT_EQ(with({{"nbf", kNow}}), "taken");
  EXPECT_EQ(with({{"nbf", kNow + 1}}), "not_yet_valid");
  EXPECT_EQ(with({{"exp", 1e300}}), "taken");
  EXPECT_EQ(with({{"exp", static_cast<double>(kNow) + 0.5}}), "taken");
  rules.leeway = std::chrono::seconds{10};
  EXPECT_EQ(with({{"exp", kNow - 9}}), "taken");
  EXPECT_EQ(with({{"exp", kNow - 10}}), "expired");
  EXPECT_EQ(with({{"nbf", kNow + 10}}), "taken");
  EXPECT_EQ(with({{"nbf", kNow + 11}}), "not_yet_valid");
}

TEST_F(TokenTest, TakesNothingButNumbersForTimes) {
  for (const char* claim : {"exp", "nbf"}) {
    for (const json& value : {json("1900000000"), json(true), json(nullptr), json::array(), json::object()}) {
      EXPECT_EQ(refusal(forge(R"({"alg":"HS256"})", json{{claim, value}}.dump(), kSecret)), "claims")
          << claim << " = " << value;
    }
  }
}

TEST_F(TokenTest, AsksForTheIssuerAndTheAudience) {
  const auto with = [&](const json& more) { return refusal(sign(more, JWT_ALG_HS256, kSecret)); };
  EXPECT_EQ(with({{"iss", "anybody"}, {"aud", "anything"}}), "taken") << "nothing is asked for";
  rules.issuers = {"https://login.example", "https://old.example"};
  EXPECT_EQ(with({{"iss", "https://old.example"}}), "taken");
  EXPECT_EQ(with({{"iss", "https://login.example/"}}), "issuer");
  EXPECT_EQ(with({{"iss", json::array({"https://login.example"})}}), "issuer");
  EXPECT_EQ(with(json::object()), "issuer");
  rules.issuers.clear();
  rules.audiences = {"wskit", "trading"};
  EXPECT_EQ(with({{"aud", "trading"}}), "taken");
  EXPECT_EQ(with({{"aud", json::array({"other", "wskit"})}}), "taken");
  EXPECT_EQ(with({{"aud", "other"}}), "audience");
  EXPECT_EQ(with({{"aud", json::array({"other"})}}), "audience");
  EXPECT_EQ(with({{"aud", json::array()}}), "audience");
  EXPECT_EQ(with({{"aud", {{"wskit", true}}}}), "audience");
  EXPECT_EQ(with(json::object()), "audience");
}

TEST_F(TokenTest, RefusesWhatIsNoToken) {
  const std::string token = sign(claims, JWT_ALG_HS256, kSecret);
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), std::string("a.b.c"),
        std::string("a.b.c.d"), token + ".x", token + "=", " " + token, token + "\n",
        token + std::string(1, '\0'), std::string("null"), std::string("undefined"), "Bearer " + token,
        std::string("\xff\xfe.\x80.\x81")}) {
    EXPECT_EQ(refusal(text), "malformed") << text;
  }
}

TEST_F(TokenTest, RefusesATruncatedToken) {
  const std::string token = sign(claims, JWT_ALG_HS256, kSecret);
  for (std::size_t length = 0; length < token.size(); ++length) {
    EXPECT_NE(refusal(token.substr(0, length)), "taken") << length;
  }
}

TEST_F(TokenTest, RefusesAnEnormousToken) {
  for (const std::size_t bytes : {kMaxTokenBytes + 1, std::size_t{1} << 20, std::size_t{32} << 20}) {
    const std::string part(bytes / 2, 'A');
    EXPECT_EQ(refusal(part + "." + part + ".AA"), "malformed");
    EXPECT_EQ(refusal("A.A." + part + part), "malformed");
  }
  const std::string roomy(kMaxTokenBytes / 2, 'x');
  EXPECT_EQ(refusal(sign({{"sub", "ann"}, {"more", roomy}}, JWT_ALG_HS256, kSecret)), "taken");
}

TEST_F(TokenTest, RefusesHeadersAndPayloadsThatAreNotWhatTheyShouldBe) {
  for (const char* header : {"", "{}", "[]", "null", "7", "{", R"({"alg":7})", R"({"alg":null})",
                             R"(["alg"])", R"({"alg":"HS256","alg":"none"})", "\xff"}) {
    EXPECT_NE(refusal(forge(header, claims.dump(), kSecret)), "taken") << header;
  }
  for (const char* payload : {"", "[]", "null", "7", "{", "\xff", R"("sub")", R"({"sub":"ann"} x)",
                              R"({"x":01})", R"({"exp":1e999})", "{\"x\":\"\xff\"}"}) {
    EXPECT_NE(refusal(forge(R"({"alg":"HS256"})", payload, kSecret)), "taken") << payload;
  }
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "[";
  EXPECT_NE(refusal(forge(R"({"alg":"HS256"})", R"({"sub":)" + deep, kSecret)), "taken");
}

// F2
TEST_F(TokenTest, NullIsOfTheWrongTypeInEveryClaim) {
  rules.issuers = {"https://login.example"};
  rules.audiences = {"wskit"};
  const json right{
      {"sub", "ann"}, {"iss", "https://login.example"}, {"aud", "wskit"}, {"exp", kNow + 60}, {"nbf", kNow}};
  ASSERT_EQ(refusal(forge(R"({"alg":"HS256"})", right.dump(), kSecret)), "taken");
  for (const char* claim : {"iss", "aud", "exp", "nbf"}) {
    json other = right;
    other[claim] = nullptr;
    EXPECT_EQ(refusal(forge(R"({"alg":"HS256"})", other.dump(), kSecret)), "claims") << claim;
  }
}

// F20
TEST_F(TokenTest, WhatIsNotReadMayBeAnything) {
  for (const char* more :
       {R"("tenant":18446744073709551616)", R"("tenant":123456789012345678901234567890)",
        R"("x":[-9223372036854775809,{"y":1e999}])", R"("x":"\ud800")", R"("x":"a\u0000b")", R"("x":null)"}) {
    const std::string payload = std::string(R"({"sub":"ann",)") + more + "}";
    const std::string token = forge(R"({"alg":"HS256","x":18446744073709551616})", payload, kSecret);
    const auto taken = verify(rules, token, at(kNow));
    ASSERT_TRUE(taken) << more << ": " << taken.error().message;
    EXPECT_EQ(taken->find("sub"), R"("ann")");
    EXPECT_EQ(taken->find("tenant"), std::nullopt);
  }
  EXPECT_EQ(refusal(forge(R"({"alg":"HS256"})", R"({"exp":99999999999999999999})", kSecret)), "taken")
      << "a time past all clocks is one";
  const auto user =
      verify(rules, forge(R"({"alg":"HS256"})", R"({"\u0073ub":9007199254740993})", kSecret), at(kNow));
  EXPECT_EQ(user->find("sub"), "9007199254740993") << "exact, and by its name however that is spelt";
}

// F20
TEST_F(TokenTest, TakesAccessTokensByTheirType) {
  for (const char* type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"}) {
    EXPECT_EQ(refusal(forge(json{{"alg", "HS256"}, {"typ", type}}.dump(), claims.dump(), kSecret)), "taken")
        << type;
  }
  for (const json& type : {json("JOSE"), json("dpop+jwt"), json(""), json("application/"), json(), json(7)}) {
    const std::string token = forge(json{{"alg", "HS256"}, {"typ", type}}.dump(), claims.dump(), kSecret);
    EXPECT_EQ(refusal(token), "malformed") << type;
    EXPECT_THAT(verify(rules, token, at(kNow)).error().message, HasSubstr("typ is neither JWT nor at+jwt"));
  }
}

TEST_F(TokenTest, RefusesExtensionsThatItWouldHaveToUnderstand) {
  EXPECT_EQ(refusal(forge(R"({"alg":"HS256","crit":["b64"],"b64":false})", claims.dump(), kSecret)),
            "malformed");
  EXPECT_EQ(refusal(forge(R"({"alg":"HS256","crit":[]})", claims.dump(), kSecret)), "malformed");
}

TEST_F(TokenTest, NeverTakesKeysThatTheTokenBrings) {
  const json header{{"alg", "HS256"},
                    {"jwk", {{"kty", "oct"}, {"k", base64url("attacker")}}},
                    {"jku", "https://attacker.example/keys"}};
  EXPECT_EQ(refusal(forge(header.dump(), claims.dump(), "attacker")), "signature");
}

TEST_F(TokenTest, TakesNoneOfManyTokensThatWereTamperedWith) {
  const std::string token = sign({{"sub", "ann"}, {"exp", kNow + 60}}, JWT_ALG_HS256, kSecret);
  std::mt19937 random(4);  // NOLINT(cert-msc51-cpp): the same ones each time
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
  for (int i = 0; i < 20'000; ++i) {
    std::string other = token;
    const auto changes = 1 + random() % 4;
    for (unsigned change = 0; change < changes; ++change) {
      other[random() % other.size()] = kAlphabet[random() % kAlphabet.size()];
    }
    if (other != token) {
      EXPECT_NE(refusal(other), "taken") << other;
    }
  }
}

}  // namespace
}  // namespace wskit::server::auth
