#include "common/protocol/json_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "random_json.h"

namespace wskit::protocol {
namespace {

// The fault of a whole text; nothing if it is JSON.
std::optional<JsonFault> fault_of(std::string_view text) {
  JsonScanner scanner(text);
  (void)scanner.value();
  if (scanner.finish()) return std::nullopt;
  return scanner.fault();
}

bool is_json(std::string_view text) { return !fault_of(text).has_value(); }

// The position of the fault, or -1 for JSON.
long fault_position(std::string_view text) {
  const std::optional<JsonFault> fault = fault_of(text);
  return fault ? static_cast<long>(fault->position) : -1;
}

std::string decoded(std::string_view content) {
  std::string out;
  return append_decoded(out, content) ? out : "half a pair";
}

TEST(JsonTextTest, AcceptsEveryKindOfValue) {
  for (const std::string_view text :
       {"{}", "[]", "\"\"", "0", "-0", "1", "true", "false", "null", " [ ] ", "\t\r\n{ } ", R"({"":0})",
        R"({"a":[1,{"b":null}],"c":"d"})", "[[],[[]],{}]", R"({"a":1,"a":2})"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonTextTest, AcceptsNumbersOfAnySize) {
  for (const std::string_view text :
       {"18446744073709551616", "-9223372036854775809", "1e999", "-1E+999", "1e-999", "0.1e1", "0e0",
        "1.0E-2", "0.000000000000000000000000000000000000001",
        "123456789012345678901234567890.123456789012345678901234567890"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
  EXPECT_TRUE(is_json(std::string(100'000, '9')));
}

TEST(JsonTextTest, RefusesNumbersOutsideTheGrammar) {
  EXPECT_EQ(fault_position("01"), 1);
  EXPECT_EQ(fault_position("-01"), 2);
  EXPECT_EQ(fault_position("00"), 1);
  EXPECT_EQ(fault_position("-"), 1);
  EXPECT_EQ(fault_position("+1"), 0);
  EXPECT_EQ(fault_position(".5"), 0);
  EXPECT_EQ(fault_position("1."), 2);
  EXPECT_EQ(fault_position("1.e5"), 2);
  EXPECT_EQ(fault_position("1e"), 2);
  EXPECT_EQ(fault_position("1e+"), 3);
  EXPECT_EQ(fault_position("1.5.2"), 3);
  EXPECT_EQ(fault_position("0x1F"), 1);
  EXPECT_EQ(fault_position("1_000"), 1);
  EXPECT_EQ(fault_position("--1"), 1);
  for (const std::string_view text : {"NaN", "Infinity", "-Infinity", "nan", "1f", "1 2"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(JsonTextTest, RefusesLiteralsThatAreNone) {
  EXPECT_EQ(fault_position("tru"), 3);
  EXPECT_EQ(fault_position("trux"), 3);
  EXPECT_EQ(fault_position("True"), 0);
  EXPECT_EQ(fault_position("nulll"), 4);
  EXPECT_EQ(fault_position("[fals]"), 5);
  EXPECT_EQ(fault_position("undefined"), 0);
}

TEST(JsonTextTest, RefusesBracketsCommasAndColonsOutOfPlace) {
  EXPECT_EQ(fault_position("[1,]"), 3);
  EXPECT_EQ(fault_position("[,1]"), 1);
  EXPECT_EQ(fault_position("[1 2]"), 3);
  EXPECT_EQ(fault_position("[1}"), 2);
  EXPECT_EQ(fault_position("{\"a\":1]"), 6);
  EXPECT_EQ(fault_position("{\"a\":1,}"), 7);
  EXPECT_EQ(fault_position("{,}"), 1);
  EXPECT_EQ(fault_position("{a:1}"), 1);
  EXPECT_EQ(fault_position("{1:1}"), 1);
  EXPECT_EQ(fault_position("{\"a\" 1}"), 5);
  EXPECT_EQ(fault_position("{\"a\"}"), 4);
  EXPECT_EQ(fault_position("{\"a\":}"), 5);
  EXPECT_EQ(fault_position("{'a':1}"), 1);
  EXPECT_EQ(fault_position("]"), 0);
  EXPECT_EQ(fault_position("[]]"), 2);
  EXPECT_EQ(fault_position("{}{}"), 2);
  EXPECT_EQ(fault_position("[1]//"), 3);
}

TEST(JsonTextTest, NamesTheEndOfATextThatIsCutOff) {
  const std::string text = R"({"a":[1,-2.5e+3,"é\u00e9\n",true],"b":{"c":null}})";
  ASSERT_TRUE(is_json(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::optional<JsonFault> fault = fault_of(std::string_view(text).substr(0, size));
    ASSERT_TRUE(fault) << size;
    // Half a code point is not UTF-8, which is seen where it begins.
    const bool within_code_point = (text[size] & '\xC0') == '\x80';
    EXPECT_EQ(fault->position, within_code_point ? size - 1 : size) << text.substr(0, size);
  }
}

TEST(JsonTextTest, KnowsOnlyTheFourKindsOfWhiteSpace) {
  EXPECT_EQ(fault_position("[\f1]"), 1);
  EXPECT_EQ(fault_position("[\v1]"), 1);
  EXPECT_EQ(fault_position("\xC2\xA0[]"), 0);
  EXPECT_EQ(fault_position(std::string_view("\0[]", 3)), 0);
  EXPECT_EQ(fault_position(std::string_view("[]\0", 3)), 2);
  EXPECT_EQ(fault_position("\xEF\xBB\xBF{}"), 0) << "a byte order mark is none";
}

TEST(JsonTextTest, RefusesControlCharactersInStringsWhereverTheyStand) {
  for (int control = 0; control < 0x20; ++control) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text = "\"" + std::string(20, 'x') + "\"";
      text[1 + place] = static_cast<char>(control);
      EXPECT_EQ(fault_position(text), static_cast<long>(1 + place)) << control;
    }
  }
  EXPECT_TRUE(is_json("\"\x7f\"")) << "DEL may stand as it is";
}

TEST(JsonTextTest, FindsTheEndOfAStringOfAnyLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text = "[\"" + std::string(size, 'x') + "\", 1]";
    JsonScanner scanner(text);
    ASSERT_TRUE(scanner.begin_array());
    EXPECT_EQ(scanner.value(), fmt::format("\"{:x<{}}\"", "", size));
    ASSERT_TRUE(scanner.next_element());
    EXPECT_EQ(scanner.value(), "1");
  }
}

TEST(JsonTextTest, RefusesEscapesThatJsonDoesNotHave) {
  EXPECT_EQ(fault_position(R"("\x41")"), 1);
  EXPECT_EQ(fault_position(R"("ab\'")"), 3);
  EXPECT_EQ(fault_position(R"("\u12g4")"), 5);
  EXPECT_EQ(fault_position(R"("\u123")"), 6);
  EXPECT_EQ(fault_position("\"\\\n\""), 1);
  EXPECT_EQ(fault_position(std::string_view("\"\\\0\"", 4)), 1);
  EXPECT_EQ(fault_position(R"("\U0041")"), 1);
}

TEST(JsonTextTest, AcceptsEveryEscapeAndLoneSurrogates) {
  for (const std::string_view text : {R"("\"\\\/\b\f\n\r\t")", R"("\u0000\uABCD\uabcd")", R"("\ud83d\ude00")",
                                      R"("\ud800")", R"("\udc00\ud800")"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonTextTest, RefusesBytesThatAreNoUtf8) {
  for (const std::string_view bytes :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x80\x80", "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x82", "\xE2\x28\xA1", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xF0\x9F\x98", "\xFE", "\xFF"}) {
    for (const std::size_t before : {0U, 1U, 7U, 8U, 9U, 16U}) {
      const std::string text = fmt::format("\"{:x<{}}{}\"", "", before, bytes);
      EXPECT_EQ(fault_position(text), static_cast<long>(1 + before)) << testing::PrintToString(text);
    }
  }
}

TEST(JsonTextTest, BoundsTheNesting) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(is_json(nested(kMaxJsonDepth)));
  const std::optional<JsonFault> fault = fault_of(nested(kMaxJsonDepth + 1));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->position, kMaxJsonDepth);
  EXPECT_NE(fault->reason.find("512"), std::string_view::npos);

  std::string objects;
  for (std::size_t i = 0; i < kMaxJsonDepth; ++i) objects += R"({"a":)";
  EXPECT_TRUE(is_json(objects + "1" + std::string(kMaxJsonDepth, '}')));
  EXPECT_FALSE(is_json(objects + "{}" + std::string(kMaxJsonDepth, '}')));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

TEST(JsonTextTest, CutsMembersOutAsTheyAreWritten) {
  const std::string text = " { \"a\" : [1, 2] ,\n\"b\\n\":\"x\" , \"\" : -1.50 } ";
  JsonScanner scanner(text);
  std::vector<std::string> parts;
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    parts.push_back(std::string(key) + "=" + std::string(scanner.value()));
  }
  EXPECT_TRUE(scanner.finish());
  EXPECT_EQ(parts, (std::vector<std::string>{"a=[1, 2]", "b\\n=\"x\"", "=-1.50"}));
}

TEST(JsonTextTest, WalksContainersWithinContainers) {
  const std::string text = R"([{"a":1},[],{},[2,[3]]])";
  JsonScanner scanner(text);
  std::string_view key;
  ASSERT_TRUE(scanner.begin_array());
  ASSERT_TRUE(scanner.begin_object(key));
  EXPECT_EQ(key, "a");
  EXPECT_EQ(scanner.value(), "1");
  EXPECT_FALSE(scanner.next_member(key));
  ASSERT_TRUE(scanner.next_element());
  EXPECT_FALSE(scanner.begin_array());
  ASSERT_TRUE(scanner.next_element());
  EXPECT_FALSE(scanner.begin_object(key));
  ASSERT_TRUE(scanner.next_element());
  ASSERT_TRUE(scanner.begin_array());
  EXPECT_EQ(scanner.value(), "2");
  ASSERT_TRUE(scanner.next_element());
  EXPECT_EQ(scanner.value(), "[3]");
  EXPECT_FALSE(scanner.next_element());
  EXPECT_FALSE(scanner.next_element());
  EXPECT_TRUE(scanner.finish());
}

TEST(JsonTextTest, AfterAFaultNothingComesAnyMore) {
  JsonScanner scanner(R"({"a":01,"b":2})");
  std::string_view key;
  ASSERT_TRUE(scanner.begin_object(key));
  EXPECT_EQ(scanner.value(), "");
  EXPECT_FALSE(scanner.next_member(key));
  EXPECT_EQ(scanner.value(), "");
  EXPECT_EQ(scanner.peek(), '\0');
  EXPECT_FALSE(scanner.begin_array());
  EXPECT_FALSE(scanner.finish());
  EXPECT_EQ(scanner.fault().position, 6U);
}

TEST(JsonTextTest, EnteringWhatIsNoContainerIsAFault) {
  JsonScanner object("[1]");
  std::string_view key;
  EXPECT_FALSE(object.begin_object(key));
  EXPECT_TRUE(object.failed());
  JsonScanner array("{}");
  EXPECT_FALSE(array.begin_array());
  EXPECT_TRUE(array.failed());
}

TEST(JsonTextTest, DecodesEscapes) {
  EXPECT_EQ(decoded("plain"), "plain");
  EXPECT_EQ(decoded(R"(a\"b\\c\/d)"), "a\"b\\c/d");
  EXPECT_EQ(decoded(R"(\b\f\n\r\t)"), "\b\f\n\r\t");
  EXPECT_EQ(decoded(R"(\u0041\u00e9\u20AC)"), "Aé€");
  EXPECT_EQ(decoded(R"(x\uD83D\uDE00y)"), "x😀y");
  EXPECT_EQ(decoded(R"(\u0000)"), std::string(1, '\0'));
  EXPECT_EQ(decoded(R"(\u07ff\u0800\uffff\ud800\udc00\udbff\udfff)"),
            "\u07ff\u0800\uffff\U00010000\U0010ffff");
}

TEST(JsonTextTest, HalfASurrogatePairStandsForNoText) {
  for (const std::string_view content :
       {R"(\ud800)", R"(\udc00)", R"(a\ud800b)", R"(\ud800\ud800)", R"(\ud800\udbff)", R"(\ud800\ue000)",
        R"(\ud800\n)", R"(\ud800\u0041)", R"(\udfff\ud800)"}) {
    std::string out = "before";
    EXPECT_FALSE(append_decoded(out, content)) << content;
    EXPECT_EQ(out, "before");
  }
}

// What nlohmann/json says: valid, not valid, or nothing, because it objects to
// values that its types cannot hold.
std::optional<bool> oracle(const std::string& text) {
  try {
    const nlohmann::json parsed = nlohmann::json::parse(text);
    return text.starts_with("\xEF\xBB\xBF") ? std::nullopt : std::optional(true);
  } catch (const nlohmann::json::out_of_range&) {
    return std::nullopt;
  } catch (const nlohmann::json::parse_error& error) {
    const bool surrogate = std::string_view(error.what()).find("surrogate") != std::string_view::npos;
    return surrogate ? std::nullopt : std::optional(false);
  }
}

TEST(JsonTextTest, AgreesWithAnotherParserOnRandomTexts) {
  RandomJson random(1, {.lone_surrogates = false, .huge_numbers = false});
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = random.value();
    ASSERT_EQ(oracle(text), true) << text;
    ASSERT_TRUE(is_json(text)) << text;
    JsonScanner scanner(text);
    const std::string_view value = scanner.value();
    EXPECT_EQ(nlohmann::json::parse(value), nlohmann::json::parse(text));
  }
}

TEST(JsonTextTest, AgreesWithAnotherParserOnDamagedTexts) {
  constexpr std::string_view kBytes = "{}[]\",:\\/ 0123456789-+.eEtrufalsn\n\x01\x7f\x80\xC3\xFF";
  RandomJson random(2, {.lone_surrogates = false, .huge_numbers = false});
  int invalid = 0;
  int compared = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = random.value();
    const std::size_t place = random.pick(text.size());
    switch (random.pick(3)) {
      case 0:
        text.erase(place, 1);
        break;
      case 1:
        text.insert(place, 1, kBytes[random.pick(kBytes.size())]);
        break;
      default:
        text[place] = kBytes[random.pick(kBytes.size())];
    }
    const std::optional<bool> expected = oracle(text);
    if (!expected) continue;
    ASSERT_EQ(is_json(text), *expected) << testing::PrintToString(text);
    ++compared;
    if (!*expected) ++invalid;
  }
  EXPECT_GT(compared, 15'000);
  EXPECT_GT(invalid, 5'000);
}

TEST(JsonTextTest, DecodesStringsAsAnotherParserDoes) {
  RandomJson random(3, {.lone_surrogates = false});
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = random.string();
    EXPECT_EQ(decoded(std::string_view(text).substr(1, text.size() - 2)),
              nlohmann::json::parse(text).get<std::string>())
        << text;
  }
}

}  // namespace
}  // namespace wskit::protocol
