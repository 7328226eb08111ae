#include "wsserve/auth/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/scratch_folder.h"
#include "token_forge.h"
#include "wsserve/auth/jwk.h"

namespace wskit::server::auth {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KeyFileTest : public ::testing::Test {
 protected:
  std::string write(const std::string& content) {
    const std::filesystem::path path = folder_ / std::to_string(++files_);
    std::ofstream(path, std::ios::binary) << content;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path.string();
  }
  Keys keys(const std::string& content, const std::string& id = "") {
    const auto loaded = load_public_keys({.id = id, .path = write(content)});
    return loaded ? loaded->keys : Keys();
  }
  std::string fault(const std::string& content, const std::string& id = "") {
    const auto loaded = load_public_keys({.id = id, .path = write(content)});
    return loaded ? "taken" : loaded.error().message;
  }

  const test::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
  int files_ = 0;
};

TEST(KeyFileNameTest, MayBeginWithTheNameOfTheKey) {
  const auto parsed = [](const char* text) {
    const KeyFile file = parse_key_file(text);
    return file.id + "|" + file.path;
  };
  EXPECT_EQ(parsed("key.pem"), "|key.pem");
  EXPECT_EQ(parsed("2026-a=/etc/wskit/a.pem"), "2026-a|/etc/wskit/a.pem");
  EXPECT_EQ(parsed("/etc/a=b.pem"), "|/etc/a=b.pem");
  EXPECT_EQ(parsed("./a=b.pem"), "|./a=b.pem");
  EXPECT_EQ(parsed("a=b=c.pem"), "a|b=c.pem");
}

TEST_F(KeyFileTest, TakesPublicKeys) {
  const Keys rsa = keys(make_rsa_pair().public_pem, "one");
  ASSERT_EQ(rsa.size(), 1U);
  EXPECT_EQ(rsa[0].id, "one");
  EXPECT_THAT(rsa[0].algorithms, ElementsAre(JWT_ALG_RS256, JWT_ALG_RS384, JWT_ALG_RS512));
  EXPECT_THAT(keys("a comment\n" + make_ec_pair("P-256").public_pem)[0].algorithms,
              ElementsAre(JWT_ALG_ES256));
}

TEST_F(KeyFileTest, RefusesWhatItMustNotHaveOrCannotUse) {
  EXPECT_THAT(fault(make_rsa_pair().private_pem), HasSubstr("is a private key"));
  EXPECT_THAT(fault(make_rsa_pair(1024).public_pem), HasSubstr("1024 bits is too weak"));
  EXPECT_THAT(fault(make_ec_pair("secp256k1").public_pem), HasSubstr("the curve secp256k1"));
  EXPECT_THAT(fault("hello"), HasSubstr("is no key"));
  EXPECT_THAT(fault(""), HasSubstr("is no key"));
  EXPECT_THAT(fault("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), HasSubstr("damaged"));
  EXPECT_THAT(fault("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), HasSubstr("damaged"));
  EXPECT_EQ(ERR_peek_error(), 0UL);
  const auto absent = load_public_keys({.id = {}, .path = (folder_ / "absent").string()});
  EXPECT_THAT(absent.error().message, HasSubstr("absent: cannot be read: No such file"));
  EXPECT_THAT(load_public_keys({.id = {}, .path = folder_.string()}).error().message,
              HasSubstr("cannot be read"));
}

TEST_F(KeyFileTest, ASecretIsTheBytesOfItsFile) {
  const std::string bytes = std::string(30, 'x') + '\0' + '\xff';
  const auto loaded = load_secret({.id = "k", .path = write(bytes + "\n")});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->keys[0].material, bytes);
  EXPECT_EQ(loaded->keys[0].id, "k");
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_FALSE(load_secret({.id = {}, .path = write("\n")}));
  EXPECT_THAT(load_secret({.id = {}, .path = write(make_rsa_pair().public_pem)}).error().message,
              HasSubstr("use --jwt-key"));
}

TEST_F(KeyFileTest, WarnsOfSecretsThatAreNone) {
  const std::string path = write("short");
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const auto loaded = load_secret({.id = {}, .path = path});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("a secret of 5 bytes"), HasSubstr("everybody")));
}

// RFC 7517 appendix A.1, and one more.
json example_set() {
  return json::parse(R"({"keys":[
    {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
    {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
     "e":"AQAB","alg":"RS256","kid":"2011-04-29"},
    {"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ","kid":"hs","alg":"HS512"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"ed"}]})");
}

TEST_F(KeyFileTest, TakesAKeySet) {
  const Keys all = keys(example_set().dump());
  ASSERT_EQ(all.size(), 2U) << "not those for encryption and for algorithms that there are not";
  EXPECT_EQ(all[0].id, "2011-04-29");
  EXPECT_THAT(all[0].algorithms, ElementsAre(JWT_ALG_RS256));
  EXPECT_THAT(all[0].material, HasSubstr("-----BEGIN PUBLIC KEY-----"));
  EXPECT_EQ(all[1].material, "secret-secret-secret-secret-1234");
  EXPECT_THAT(all[1].algorithms, ElementsAre(JWT_ALG_HS512));
  EXPECT_EQ(describe(all), "2 keys (HS512, RS256)");
}

TEST_F(KeyFileTest, OneKeyOfASetMayBeNamedByTheOption) {
  json one = example_set()["keys"][1];
  EXPECT_EQ(keys(one.dump(), "mine")[0].id, "mine");
  EXPECT_THAT(fault(example_set().dump(), "mine"), HasSubstr("leave out mine="));
}

TEST_F(KeyFileTest, RefusesKeySetsThatAreNotRight) {
  json key = example_set()["keys"][1];
  EXPECT_THAT(fault("{"), HasSubstr("no JSON Web Key"));
  EXPECT_THAT(fault(R"({"keys":{}})"), HasSubstr("no JSON Web Key"));
  EXPECT_THAT(fault(R"({"keys":[]})"), HasSubstr("has no key"));
  EXPECT_THAT(fault(R"({"keys":[7]})"), HasSubstr("not all objects"));
  key["d"] = "AQAB";
  EXPECT_THAT(fault(key.dump()), HasSubstr("private key"));
  key.erase("d");
  key["n"] = "AQAB";
  EXPECT_THAT(fault(key.dump()), HasSubstr("too weak"));
  key["n"] = "?";
  EXPECT_THAT(fault(key.dump()), HasSubstr("no RSA key"));
  json ec = example_set()["keys"][0];
  ec.erase("use");
  EXPECT_EQ(fault(ec.dump()), "taken");
  ec["y"] = ec["x"];
  EXPECT_THAT(fault(ec.dump()), HasSubstr("no point of crv"));
  ec["x"] = "AQAB";
  EXPECT_THAT(fault(ec.dump()), HasSubstr("no point of crv"));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace wskit::server::auth
