// docs/protocol.md against the library: its examples are what is accepted and
// what is answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "common/protocol/close_code.h"
#include "common/protocol/command.h"
#include "common/protocol/error.h"
#include "common/protocol/event.h"
#include "common/protocol/reply.h"
#include "support/encode_event.h"

namespace wskit::protocol {
namespace {

using test::encode_event;
using ::testing::HasSubstr;

constexpr std::string_view kIndent = "    ";

bool is_abridged(std::string_view text) { return text.find("…") != std::string_view::npos; }

// Examples are indented; one that is too long for a line goes on in the next.
class DocumentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(WSKIT_PROTOCOL_PAGE);
    for (std::string line; std::getline(file, line);) lines_.push_back(line);
    ASSERT_GT(lines_.size(), 100U) << "cannot read " << WSKIT_PROTOCOL_PAGE;
  }

  // The examples that begin with `begin`, each in one line and without `mark`.
  [[nodiscard]] std::vector<std::string> examples(std::string_view mark, std::string_view begin) const {
    std::vector<std::string> found;
    const std::string first = std::string(kIndent).append(mark);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (!lines_[i].starts_with(first + std::string(begin))) continue;
      found.push_back(lines_[i].substr(first.size()) + continuation(i + 1));
    }
    return found;
  }

  // What the example before line `i` has in this line and those behind it. A line
  // broken within a sentence leaves one space.
  [[nodiscard]] std::string continuation(std::size_t i) const {
    std::string rest;
    for (; i < lines_.size() && lines_[i].starts_with(std::string(kIndent) + " "); ++i) {
      const std::string part = lines_[i].substr(lines_[i].find_first_not_of(' '));
      const bool in_sentence = part[0] != '"' && part[0] != '{';
      if (in_sentence) rest += ' ';
      rest += part;
    }
    return rest;
  }

  std::vector<std::string> lines_;
};

TEST_F(DocumentTest, ItsCommandsAreAccepted) {
  CommandParser parser;
  const std::vector<std::string> commands = examples("", R"({"action")");
  EXPECT_GE(commands.size(), 8U);
  for (const std::string& command : commands) {
    if (is_abridged(command) && command.find("eyJ") == std::string::npos) continue;
    EXPECT_TRUE(parser.parse(command)) << command;
  }
}

TEST_F(DocumentTest, ItsRefusedCommandsAreAnsweredAsItSays) {
  CommandParser parser;
  const std::vector<std::string> commands = examples("> ", "{");
  const std::vector<std::string> replies = examples("< ", "");
  ASSERT_EQ(commands.size(), replies.size());
  int refusals = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (is_abridged(commands[i])) continue;
    const auto command = parser.parse(commands[i]);
    if (command) {
      EXPECT_THAT(replies[i], ::testing::Not(HasSubstr("\"BAD_"))) << commands[i];
      continue;
    }
    ++refusals;
    std::string reply;
    append_reply(reply, command.error().id, "T", refused(command.error().error));
    EXPECT_THAT(reply, HasSubstr(replies[i].substr(replies[i].find("\"data\":")))) << commands[i];
    EXPECT_EQ(reply.find("\"id\":"), replies[i].find("\"id\":")) << commands[i];
  }
  EXPECT_GE(refusals, 5);
}

TEST_F(DocumentTest, ItsEventsAreWrittenAsItSays) {
  std::vector<std::string> events = examples("", R"({"type":"trade")");
  for (const std::string& merged : examples("  ", R"({"type":"quote")")) events.push_back(merged);
  ASSERT_EQ(events.size(), 2U);
  for (const std::string& text : events) {
    std::string storage;
    const Result<EventView> event = decode_event(text, storage);
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(encode_event(*event), text) << "keys in the order that the page promises";
  }
}

TEST_F(DocumentTest, ItNamesEveryErrorCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const std::string row = "| `" + std::string(to_string(static_cast<ErrorCode>(code))) + "` |";
    EXPECT_THAT(lines_, ::testing::Contains(::testing::StartsWith(row)));
  }
}

// The cells of a row of a table, without the blanks around them.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  if (!line.starts_with('|')) return found;
  for (std::size_t begin = 1; begin < line.size();) {
    const std::size_t end = std::min(line.find('|', begin), line.size());
    const std::size_t first = std::min(line.find_first_not_of(' ', begin), end);
    const std::size_t last = std::max(line.find_last_not_of(' ', end - 1) + 1, first);
    found.push_back(line.substr(first, last - first));
    begin = end + 1;
  }
  return found;
}

// Rows such as `| 1001 | reason | meaning | come back? |`, also `| 1005, 1006 |`
// and `| 4001 *(not yet)* |`.
TEST_F(DocumentTest, ItSaysOfEveryCloseCodeWhetherToComeBack) {
  std::size_t documented = 0;
  for (const std::string& line : lines_) {
    const std::vector<std::string> row = cells(line);
    if (row.size() != 4 || (!row[0].starts_with('1') && !row[0].starts_with('4'))) continue;
    for (std::size_t at = 0; at < row[0].size() && row[0][at] != '*';
         at = row[0].find_first_of("14*", at + 4)) {
      const auto code = static_cast<CloseCode>(std::stoi(row[0].substr(at, 4)));
      const bool stays_away = row[3].starts_with("no") || code == CloseCode::kUnauthorized;
      EXPECT_EQ(should_reconnect(code), !stays_away) << line;
      EXPECT_NE(to_string(code), "unknown") << line;
      ++documented;
    }
  }
  EXPECT_EQ(documented, 19U);
}

}  // namespace
}  // namespace wskit::protocol
