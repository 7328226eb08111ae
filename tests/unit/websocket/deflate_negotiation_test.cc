// RFC 7692 section 7.1 as a table: what is offered, what is answered.
#include <gtest/gtest.h>

#include "common/websocket/extension_list.h"
#include "common/websocket/handshake.h"

namespace wskit::websocket {
namespace {

constexpr DeflatePolicy kNoTakeover{};
constexpr DeflatePolicy kTakeover{.server_context_takeover = true, .client_context_takeover = true};
constexpr DeflatePolicy kSmall{
    .server_context_takeover = true, .client_context_takeover = true, .max_window_bits = 10};

std::string answer(std::string_view offers, const DeflatePolicy& policy = kTakeover) {
  const auto agreement = agree_deflate(offers, policy);
  return agreement ? agreement->response : "declined";
}

std::string describe(const DeflateParameters& p) {
  return std::to_string(p.server_max_window_bits) + (p.server_no_context_takeover ? "- " : "+ ") +
         std::to_string(p.client_max_window_bits) + (p.client_no_context_takeover ? "-" : "+");
}

// "15+ 15-": the server's window bits and takeover, then the client's.
std::string agreed(std::string_view offers, const DeflatePolicy& policy = kTakeover) {
  const auto agreement = agree_deflate(offers, policy);
  return agreement ? describe(agreement->parameters) : "declined";
}

TEST(AgreeDeflateTest, AgreesToAPlainOffer) {
  EXPECT_EQ(answer("permessage-deflate"), "permessage-deflate");
  EXPECT_EQ(agreed("permessage-deflate"), "15+ 15+");
}

TEST(AgreeDeflateTest, DeclinesWhenItIsOff) {
  EXPECT_EQ(answer("permessage-deflate", {.enabled = false}), "declined");
}

TEST(AgreeDeflateTest, DeclinesWhereNothingIsOffered) {
  EXPECT_EQ(answer(""), "declined");
  EXPECT_EQ(answer(" , ,"), "declined");
  EXPECT_EQ(answer("x-webkit-deflate-frame, permessage-bzip2; x=1"), "declined");
}

TEST(AgreeDeflateTest, RulesOutTakeoverThatThePolicyDoesNotAllow) {
  EXPECT_EQ(answer("permessage-deflate", kNoTakeover),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  EXPECT_EQ(agreed("permessage-deflate", kNoTakeover), "15- 15-");
  EXPECT_EQ(answer("permessage-deflate", {.client_context_takeover = true}),
            "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(answer("permessage-deflate", {.server_context_takeover = true}),
            "permessage-deflate; client_no_context_takeover");
}

TEST(AgreeDeflateTest, GivesUpTakeoverWhereTheClientAsksForIt) {
  EXPECT_EQ(answer("permessage-deflate; server_no_context_takeover"),
            "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(agreed("permessage-deflate; server_no_context_takeover"), "15- 15+");
  EXPECT_EQ(answer("permessage-deflate; client_no_context_takeover"),
            "permessage-deflate; client_no_context_takeover");
  EXPECT_EQ(agreed("permessage-deflate; client_no_context_takeover"), "15+ 15-");
}

TEST(AgreeDeflateTest, TakesAServerWindowFrom9To15) {
  for (int bits = 9; bits <= 15; ++bits) {
    const std::string offer = "permessage-deflate; server_max_window_bits=" + std::to_string(bits);
    EXPECT_EQ(answer(offer), offer) << "H2: what was offered is said again, a window of 15 too";
    EXPECT_EQ(agreed(offer), std::to_string(bits) + "+ 15+");
  }
}

TEST(AgreeDeflateTest, DeclinesAServerWindowOf8WhichZlibCannotWrite) {
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8"), "declined");
  EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8, permessage-deflate"), "permessage-deflate");
}

TEST(AgreeDeflateTest, SetsAClientWindowOnlyWhereTheClientOfferedTo) {
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits", kSmall),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10");
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits", kSmall), "10+ 10+");
  EXPECT_EQ(answer("permessage-deflate", kSmall), "permessage-deflate; server_max_window_bits=10");
  EXPECT_EQ(agreed("permessage-deflate", kSmall), "10+ 15+");
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits"), "permessage-deflate");
}

TEST(AgreeDeflateTest, NeverAnswersMoreThanTheOfferedClientWindow) {
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits=12"),
            "permessage-deflate; client_max_window_bits=12");
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits=12", kSmall), "10+ 10+");
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits=9", kSmall), "10+ 9+");
}

TEST(AgreeDeflateTest, ReadsAClientWindowOf8With9) {
  EXPECT_EQ(answer("permessage-deflate; client_max_window_bits=8"), "permessage-deflate");
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits=8"), "15+ 9+");
}

TEST(AgreeDeflateTest, KeepsAPolicyOutOfRangeWithinWhatZlibCanDo) {
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits", {.max_window_bits = 1}), "9- 9-");
  EXPECT_EQ(agreed("permessage-deflate; client_max_window_bits", {.max_window_bits = 99}), "15- 15-");
}

TEST(AgreeDeflateTest, TakesTheFirstOfferThatItCanServe) {
  EXPECT_EQ(answer("foo, permessage-deflate; server_max_window_bits=8, "
                   "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=11, "
                   "permessage-deflate"),
            "permessage-deflate; server_max_window_bits=11");
}

TEST(AgreeDeflateTest, ReadsQuotedValuesAndWhiteSpace) {
  EXPECT_EQ(answer("  permessage-deflate\t ;  server_max_window_bits = \"1\\0\"  ; client_max_window_bits "),
            "permessage-deflate; server_max_window_bits=10");
}

TEST(AgreeDeflateTest, DeclinesAnOfferWithABadParameter) {
  for (const std::string_view parameter : {
           "unknown",
           "unknown=1",
           "server_no_context_takeover=1",
           "client_no_context_takeover=\"true\"",
           "server_no_context_takeover; server_no_context_takeover",
           "client_no_context_takeover; client_no_context_takeover",
           "client_max_window_bits; client_max_window_bits",
           "client_max_window_bits; client_max_window_bits=10",
           "server_max_window_bits=10; server_max_window_bits=10",
           "server_max_window_bits",
           "server_max_window_bits=7",
           "server_max_window_bits=16",
           "server_max_window_bits=010",
           "server_max_window_bits=+10",
           "server_max_window_bits=1e1",
           "server_max_window_bits=100",
           "client_max_window_bits=09",
           "client_max_window_bits=0",
           "client_max_window_bits=-9",
           "Server_no_context_takeover",
       }) {
    const std::string offer = "permessage-deflate; " + std::string(parameter);
    EXPECT_EQ(answer(offer), "declined") << offer;
    EXPECT_EQ(answer(offer + ", permessage-deflate"), "permessage-deflate") << "the next offer still counts";
  }
}

TEST(AgreeDeflateTest, DeclinesAHeaderThatDoesNotFollowTheGrammar) {
  for (const std::string_view bad : {
           ";",
           "=",
           "\"permessage-deflate\"",
           "permessage-deflate;",
           "permessage-deflate; ;",
           "permessage-deflate; =1",
           "permessage-deflate; a=",
           "permessage-deflate; a=\"",
           "permessage-deflate; a=\"1",
           "permessage-deflate; a=\"1\\",
           "permessage-deflate; a=\"\"",
           "permessage-deflate; a=\"1 2\"",
           "permessage-deflate; a=1 2",
           "permessage-deflate x",
           "permessage-deflate; a b",
           "permessage-deflate/1",
           "permessage-deflate\n",
           "permessage-deflate; \xC3\xA4",
       }) {
    EXPECT_EQ(answer(bad), "declined") << bad;
    EXPECT_EQ(answer("permessage-deflate, " + std::string(bad)), "declined") << bad;
  }
}

TEST(ParseExtensionsTest, RemovesTheQuotesAndBackslashesOfAValue) {
  const auto extensions = parse_extensions(R"(a; b="c\d\-e"; f=g; h, , i)");
  ASSERT_TRUE(extensions);
  ASSERT_EQ(extensions->size(), 2U);
  const Extension& first = extensions->front();
  EXPECT_EQ(first.name, "a");
  ASSERT_EQ(first.parameters.size(), 3U);
  EXPECT_EQ(first.parameters[0].name, "b");
  EXPECT_EQ(first.parameters[0].value, "cd-e");
  EXPECT_EQ(first.parameters[1].value, "g");
  EXPECT_EQ(first.parameters[2].value, std::nullopt);
  EXPECT_EQ(extensions->back().name, "i");
}

TEST(DeflateOfferTest, SaysWhatTheClientWishesAndThatItsWindowMayBeLimited) {
  EXPECT_EQ(deflate_offer({}), "permessage-deflate; client_max_window_bits");
  EXPECT_EQ(deflate_offer({.server_no_context_takeover = true,
                           .client_no_context_takeover = true,
                           .server_max_window_bits = 10,
                           .client_max_window_bits = 11}),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10; client_max_window_bits=11");
}

std::string accepted(std::string_view response, const DeflateParameters& wish = {}) {
  const auto parameters = accept_deflate(response, wish);
  return parameters ? describe(*parameters) : "refused";
}

TEST(AcceptDeflateTest, TakesWhatTheServerAnswered) {
  EXPECT_EQ(accepted("permessage-deflate"), "15+ 15+");
  EXPECT_EQ(accepted("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            "15- 15-");
  EXPECT_EQ(accepted("permessage-deflate; server_max_window_bits=9; client_max_window_bits=\"10\""),
            "9+ 10+");
}

TEST(AcceptDeflateTest, KeepsToItsOwnWishWhereTheServerIsSilent) {
  EXPECT_EQ(
      accepted("permessage-deflate", {.client_no_context_takeover = true, .client_max_window_bits = 12}),
      "15+ 12-");
}

TEST(AcceptDeflateTest, ReadsAServerWindowOf8With9) {
  EXPECT_EQ(accepted("permessage-deflate; server_max_window_bits=8"), "9+ 15+");
}

TEST(AcceptDeflateTest, RefusesAClientWindowOf8WhichZlibCannotWrite) {
  EXPECT_EQ(accepted("permessage-deflate; client_max_window_bits=8"), "refused");
}

TEST(AcceptDeflateTest, RefusesAnAnswerThatIsNotOneToTheOffer) {
  const DeflateParameters wish{.server_no_context_takeover = true, .server_max_window_bits = 12};
  EXPECT_EQ(accepted("permessage-deflate; server_no_context_takeover; server_max_window_bits=12", wish),
            "12- 15+");
  EXPECT_EQ(accepted("permessage-deflate; server_no_context_takeover; server_max_window_bits=11", wish),
            "11- 15+");
  EXPECT_EQ(accepted("permessage-deflate; server_no_context_takeover; server_max_window_bits=13", wish),
            "refused");
  EXPECT_EQ(accepted("permessage-deflate; server_no_context_takeover", wish), "refused");
  EXPECT_EQ(accepted("permessage-deflate; server_max_window_bits=12", wish), "refused");
  EXPECT_EQ(accepted("permessage-deflate; client_max_window_bits=12", {.client_max_window_bits = 11}),
            "refused");
}

TEST(AcceptDeflateTest, RefusesAnAnswerThatNobodyAskedFor) {
  for (const std::string_view response : {
           "",
           ",",
           "permessage-bzip2",
           "permessage-deflate, permessage-deflate",
           "permessage-deflate, foo",
           "permessage-deflate; unknown",
           "permessage-deflate; client_max_window_bits",
           "permessage-deflate; server_max_window_bits",
           "permessage-deflate; server_max_window_bits=16",
           "permessage-deflate; server_no_context_takeover=1",
           "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
           "permessage-deflate;",
       }) {
    EXPECT_EQ(accepted(response), "refused") << response;
  }
}

TEST(AcceptDeflateTest, AgreesWithTheServersSideForEveryWishAndPolicy) {
  for (int bits = 0; bits < 7 * 7 * 7 * 16; ++bits) {
    const auto flag = [&](int at) { return (bits / 343 >> at & 1) != 0; };
    const DeflateParameters wish{.server_no_context_takeover = flag(0),
                                 .client_no_context_takeover = flag(1),
                                 .server_max_window_bits = 9 + bits % 7,
                                 .client_max_window_bits = 9 + bits / 7 % 7};
    const DeflatePolicy policy{.server_context_takeover = flag(2),
                               .client_context_takeover = flag(3),
                               .max_window_bits = 9 + bits / 49 % 7};
    const auto agreement = agree_deflate(deflate_offer(wish), policy);
    ASSERT_TRUE(agreement) << deflate_offer(wish);
    EXPECT_EQ(accept_deflate(agreement->response, wish), agreement->parameters)
        << deflate_offer(wish) << " answered by " << agreement->response;
  }
}

}  // namespace
}  // namespace wskit::websocket
