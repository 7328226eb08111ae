#include "wspub/record_splitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace wskit::pub {
namespace {

using Kind = RecordSplitter::Kind;

// Feeds `text` in pieces of at most `piece` bytes; writes each record as text, a
// too long one as "!" and its joined parts.
std::vector<std::string> split(RecordSplitter& splitter, std::string_view text, std::size_t piece) {
  std::vector<std::string> records;
  const auto drain = [&] {
    for (auto item = splitter.next(); item.kind != Kind::kNeedMore; item = splitter.next()) {
      if (item.kind == Kind::kRecord) records.emplace_back(item.text);
      if (item.kind == Kind::kTooLong) records.emplace_back("!").append(item.text);
      if (item.kind == Kind::kRest) records.back() += item.text;
    }
  };
  while (!text.empty()) {
    const auto room = splitter.writable();
    const std::size_t bytes = std::min({piece, text.size(), room.size()});
    std::copy_n(text.data(), bytes, room.data());
    splitter.commit(bytes);
    text.remove_prefix(bytes);
    drain();
  }
  splitter.finish();
  drain();
  return records;
}

std::vector<std::string> split(Separator separator, std::size_t max, std::string_view text,
                               std::size_t piece = 1) {
  RecordSplitter splitter(separator, max);
  return split(splitter, text, piece);
}

using Records = std::vector<std::string>;

TEST(RecordSplitter, CutsLinesWhereverTheReadsEnd) {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U}) {
    EXPECT_EQ(split(Separator::kNewline, 100, "one\n\nthree\nfour", piece),
              (Records{"one", "", "three", "four"}));
  }
}

TEST(RecordSplitter, TheLastLineNeedsNoNewline) {
  EXPECT_EQ(split(Separator::kNewline, 100, "a\n"), (Records{"a"}));
  EXPECT_EQ(split(Separator::kNewline, 100, "a"), (Records{"a"}));
  EXPECT_EQ(split(Separator::kNewline, 100, ""), Records{});
  EXPECT_EQ(split(Separator::kNewline, 100, "\n"), (Records{""}));
}

TEST(RecordSplitter, RecordsEndingWithNulMayHoldNewlines) {
  using namespace std::string_literals;
  EXPECT_EQ(split(Separator::kNul, 100, "a\nb\0c\0d"s), (Records{"a\nb", "c", "d"}));
}

TEST(RecordSplitter, TheWholeInputCanBeOneRecord) {
  EXPECT_EQ(split(Separator::kNone, 100, "a\nb\n"), (Records{"a\nb\n"}));
  EXPECT_EQ(split(Separator::kNone, 3, "a\nb\n"), (Records{"!a\nb\n"}));
}

TEST(RecordSplitter, ALongRecordIsOneErrorAndIsNeverSplit) {
  for (const std::size_t piece : {1U, 2U, 5U, 100U}) {
    EXPECT_EQ(split(Separator::kNewline, 4, "abcd\nabcde\nx\nabcdefghij\ny\nabcdef", piece),
              (Records{"abcd", "!abcde", "x", "!abcdefghij", "y", "!abcdef"}))
        << "in pieces of " << piece;
  }
}

TEST(RecordSplitter, MemoryStaysBoundedWhileALongRecordPasses) {
  RecordSplitter splitter(Separator::kNewline, 1024);
  std::size_t passed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto room = splitter.writable();
    ASSERT_LE(room.size(), 4 * RecordSplitter::kReadBytes);
    std::fill(room.begin(), room.end(), 'x');
    splitter.commit(room.size());
    for (auto item = splitter.next(); item.kind != Kind::kNeedMore; item = splitter.next()) {
      passed += item.text.size();
    }
  }
  EXPECT_GE(passed, 200 * RecordSplitter::kReadBytes);
}

TEST(RecordSplitter, OneInputAfterTheOtherStartsAfresh) {
  RecordSplitter splitter(Separator::kNewline, 100);
  EXPECT_EQ(split(splitter, "a\nb", 1), (Records{"a", "b"}));
  EXPECT_EQ(split(splitter, "c\n", 1), (Records{"c"}));
  EXPECT_EQ(split(splitter, "", 1), Records{});
}

// F12: with it the first event of each file from Windows was lost.
TEST(RecordSplitter, AByteOrderMarkBelongsToNoRecord) {
  for (const std::size_t piece : {1U, 2U, 100U}) {
    RecordSplitter splitter(Separator::kNewline, 100);
    splitter.begin_input();
    EXPECT_EQ(split(splitter,
                    "\xef\xbb\xbf"
                    "1\n\xef\xbb\xbf"
                    "2\n",
                    piece),
              (Records{"1",
                       "\xef\xbb\xbf"
                       "2"}))
        << "but for the first place it is a character";
    splitter.begin_input();
    EXPECT_EQ(split(splitter,
                    "\xef\xbb\xbf"
                    "3",
                    piece),
              (Records{"3"}));
    splitter.begin_input();
    EXPECT_EQ(split(splitter, "\xef\xbb\xbf", piece), Records{});
    splitter.begin_input();
    EXPECT_EQ(split(splitter, "\xef\xbb", piece), (Records{"\xef\xbb"}));
    splitter.begin_input();
    EXPECT_EQ(split(splitter, "\n4\n", piece), (Records{"", "4"}));
  }
}

TEST(RecordSplitter, AgreesWithANaiveSplitOnRandomInput) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    const std::size_t bytes = random() % 3000;
    for (std::size_t i = 0; i < bytes; ++i) text += random() % 20 == 0 ? '\n' : 'a';
    Records expected;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      expected.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    if (begin < text.size()) expected.push_back(text.substr(begin));
    for (std::string& record : expected) {
      if (record.size() > 40) record.insert(record.begin(), '!');
    }
    EXPECT_EQ(split(Separator::kNewline, 40, text, 1 + random() % 500), expected);
  }
}

}  // namespace
}  // namespace wskit::pub
