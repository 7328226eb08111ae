#include "wspub/backlog.h"
#include "support/scratch_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

namespace wskit::pub {
namespace {

using Kind = LineSource::Kind;
using Ahead = Backlog::Ahead;

constexpr std::size_t kMaxLine = 1000;

class BacklogTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe2(pipe_.data(), O_CLOEXEC), 0);
    options_.spill_file = directory_ + "/spill";
  }

  void TearDown() override {
    end_input();
    close(pipe_[0]);
  }

  void type(std::string_view text) {
    ASSERT_EQ(::write(pipe_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  void end_input() {
    if (pipe_[1] >= 0) close(std::exchange(pipe_[1], -1));
  }

  Backlog& backlog() {
    if (!backlog_) {
      SourceOptions records;
      records.stdin_fd = pipe_[0];
      records.max_line_bytes = kMaxLine;
      source_.emplace(io_, records, LineSource::Witness{});
      backlog_.emplace(*source_, options_, records);
      EXPECT_EQ(backlog_->open(), "");
    }
    return *backlog_;
  }

  Ahead read_ahead() {
    Ahead ahead = Ahead::kRead;
    while (ahead == Ahead::kRead) ahead = backlog().read_ahead();
    return ahead;
  }

  // All there is, as "number:text …" and how that ended; a record that is too
  // long as "number:long(bytes)".
  std::string drain() {
    std::string all;
    std::size_t long_bytes = 0;
    while (true) {
      const LineSource::Item item = backlog().next();
      if (item.kind == Kind::kWait) return all + "wait";
      if (item.kind == Kind::kEnd) return all + "end";
      if (item.kind == Kind::kFailed) return all + "failed: " + std::string(backlog().error());
      if (item.kind == Kind::kRecord) {
        all += std::to_string(item.number) + ":" + std::string(item.text) + " ";
        continue;
      }
      long_bytes = (item.kind == Kind::kTooLong ? 0 : long_bytes) + item.text.size();
      if (item.last) all += std::to_string(item.number) + ":long(" + std::to_string(long_bytes) + ") ";
    }
  }

  std::string spilled() const {
    std::ifstream file(options_.spill_file, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  boost::asio::io_context io_;
  BacklogOptions options_;
  std::array<int, 2> pipe_{-1, -1};
  const test::ScratchFolder scratch_;
  const std::string directory_ = scratch_.path();
  std::optional<LineSource> source_;
  std::optional<Backlog> backlog_;
};

TEST_F(BacklogTest, HandsOutWhatItHoldsAndThenWhatTheSourceHas) {
  type("a\nb\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_EQ(backlog().lines(), 2U);
  type("c\n");
  EXPECT_EQ(drain(), "1:a 2:b 3:c wait");
  EXPECT_TRUE(backlog().empty());
}

TEST_F(BacklogTest, StopsReadingWhenItIsFull) {
  options_.lines = 2;
  type("a\nb\nc\n");
  EXPECT_EQ(read_ahead(), Ahead::kStopped);
  EXPECT_EQ(backlog().lines(), 2U);
  EXPECT_EQ(drain(), "1:a 2:b 3:c wait");
}

TEST_F(BacklogTest, ReadsNothingAheadWhereItMayHoldNothing) {
  options_.lines = 0;
  type("a\n");
  EXPECT_EQ(read_ahead(), Ahead::kStopped);
  EXPECT_EQ(drain(), "1:a wait");
}

TEST_F(BacklogTest, TheEndOfTheInputComesBehindWhatIsHeld) {
  type("a\nb");
  end_input();
  EXPECT_EQ(read_ahead(), Ahead::kStopped);
  EXPECT_EQ(drain(), "1:a 2:b end");
}

TEST_F(BacklogTest, DropsTheOldestLinesAndCountsThoseThatAreNotBlank) {
  options_.lines = 2;
  options_.on_full = OnFull::kDropOldest;
  type("a\n \nb\n\nc\nd\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_EQ(backlog().dropped(), 2U);
  EXPECT_EQ(drain(), "5:c 6:d wait");
  type("e\n");
  EXPECT_EQ(drain(), "7:e wait");
}

TEST_F(BacklogTest, InTextABlankLineIsALine) {
  options_.lines = 1;
  options_.on_full = OnFull::kDropOldest;
  options_.input = InputKind::kText;
  type("\n\na\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_EQ(backlog().dropped(), 2U);
}

TEST_F(BacklogTest, ARecordThatIsTooLongIsDroppedWithAllItsParts) {
  options_.lines = 1;
  options_.on_full = OnFull::kDropOldest;
  type(std::string(5000, 'x'));
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  type(std::string(100, 'x') + "\na\nb\n" + std::string(3000, 'y'));
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_EQ(backlog().dropped(), 3U);
  type(std::string(3000, 'y') + "\n");
  EXPECT_EQ(drain(), "4:long(6000) wait");
}

TEST_F(BacklogTest, TheRestOfARecordWhoseBeginningIsGoneAlreadyIsNotDropped) {
  options_.lines = 1;
  options_.on_full = OnFull::kDropOldest;
  type(std::string(5000, 'x'));
  EXPECT_EQ(backlog().next().kind, Kind::kTooLong);
  type(std::string(10, 'x') + "\na\nb\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  const LineSource::Item rest = backlog().next();
  EXPECT_EQ(rest.kind, Kind::kRest);
  EXPECT_TRUE(rest.last);
  EXPECT_EQ(drain(), "3:b wait");
}

TEST_F(BacklogTest, FurtherLinesWaitInAFile) {
  options_.lines = 2;
  options_.on_full = OnFull::kSpill;
  type("a\nb\nc\n\nd\n" + std::string(5000, 'x') + "\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_EQ(backlog().lines(), 5U);
  EXPECT_EQ(drain(), "1:a 2:b 3:c 4: 5:d 6:long(5000) wait");
  type("e\n");
  EXPECT_EQ(drain(), "7:e wait");
}

TEST_F(BacklogTest, ARecordIsReadToItsEndBeforeItIsHandedOutOfTheFile) {
  options_.lines = 0;
  options_.on_full = OnFull::kSpill;
  type(std::string(5000, 'x'));
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_TRUE(backlog().must_read_on());
  type("xx\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  EXPECT_FALSE(backlog().must_read_on());
  EXPECT_EQ(drain(), "1:long(5002) wait");
}

TEST_F(BacklogTest, ARecordThatIsNotReadToItsEndEndsWithTheInput) {
  options_.lines = 0;
  options_.on_full = OnFull::kSpill;
  type(std::string(5000, 'x'));
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  source_->stop_reading();
  EXPECT_EQ(read_ahead(), Ahead::kStopped);
  EXPECT_FALSE(backlog().must_read_on());
  EXPECT_EQ(drain(), "1:long(5000) end");
}

TEST_F(BacklogTest, ARecordPutBackComesAgainWhereverItCameFrom) {
  options_.lines = 1;
  options_.on_full = OnFull::kSpill;
  type("a\nb\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  type("c\n");
  for (const char* text : {"a", "b", "c"}) {
    const LineSource::Item item = backlog().next();
    EXPECT_EQ(item.text, text);
    backlog().put_back(item);
    EXPECT_EQ(backlog().empty(), *text == 'c') << "the source keeps its own";
    EXPECT_EQ(backlog().next().text, text);
  }
}

TEST_F(BacklogTest, WhatNobodyPublishesIsCounted) {
  type("a\nb\nc\n");
  options_.lines = 2;
  EXPECT_EQ(read_ahead(), Ahead::kStopped);
  const Backlog::Rest rest = backlog().finish({});
  EXPECT_EQ(rest.lost, 3U);
  EXPECT_EQ(rest.kept, 0U);
}

TEST_F(BacklogTest, WhatNobodyPublishesIsKeptInTheFileInItsOrder) {
  options_.lines = 2;
  options_.on_full = OnFull::kSpill;
  type("c\nd\ne\n");
  EXPECT_EQ(read_ahead(), Ahead::kWait);
  const LineSource::Item item = backlog().next();
  backlog().put_back(item);
  type("f\ng\nh\n");
  EXPECT_EQ(backlog().read_ahead(), Ahead::kRead);  // f; the source has g and h
  const Backlog::Rest rest = backlog().finish({"a", "b"});
  EXPECT_EQ(rest.error, "");
  EXPECT_EQ(rest.kept, 8U);
  EXPECT_EQ(rest.lost, 0U);
  EXPECT_EQ(spilled(), "a\nb\nc\nd\ne\nf\ng\nh\n");
}

// Against a source without a backlog: the same items under the same numbers.
TEST_F(BacklogTest, OverManyOutagesNothingIsLostOrRepeatedOrOutOfOrder) {
  options_.lines = 5;
  options_.on_full = OnFull::kSpill;
  std::minstd_rand dice(3);
  std::string expected;
  std::string seen;
  const auto take = [&] {
    const std::string all = drain();
    ASSERT_TRUE(all.ends_with("wait"));
    seen += all.substr(0, all.size() - 4);
  };
  int typed = 0;
  for (int step = 0; step < 3000; ++step) {
    for (unsigned lines = dice() % 8; lines > 0; --lines) {
      const bool is_long = dice() % 40 == 0;
      const std::string text = is_long ? std::string(1001 + dice() % 3000, 'x') : std::to_string(dice());
      type(text + "\n");
      expected += std::to_string(++typed) + ":";
      expected += is_long ? "long(" + std::to_string(text.size()) + ") " : text + " ";
    }
    if (dice() % 3 != 0) {
      EXPECT_EQ(read_ahead(), Ahead::kWait);
    } else {
      take();
    }
  }
  take();
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace wskit::pub
