#include "wspub/spill_file.h"
#include "support/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>

namespace wskit::pub {
namespace {

using testing::HasSubstr;
using Kind = RecordSplitter::Kind;

class SpillFileTest : public testing::Test {
 protected:
  std::unique_ptr<SpillFile> make(std::size_t max_record_bytes = 1000) {
    auto file = std::make_unique<SpillFile>(path_, Separator::kNewline, InputKind::kJson, max_record_bytes);
    EXPECT_EQ(file->open(), "");
    return file;
  }

  static std::string take(SpillFile& file) {
    const RecordSplitter::Item item = file.next();
    EXPECT_EQ(item.kind, Kind::kRecord);
    return std::string(item.text);
  }

  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const test::ScratchFolder scratch_;
  std::string path_ = scratch_.path() / "spill";
};

TEST_F(SpillFileTest, GivesRecordsBackInTheirOrder) {
  const auto file = make();
  file->append("1", true);
  file->append("", true);
  file->append("thr", false);
  file->append("ee", true);
  EXPECT_EQ(file->records(), 3U);
  EXPECT_EQ(take(*file), "1");
  EXPECT_EQ(take(*file), "");
  file->append("4", true);
  EXPECT_EQ(take(*file), "three");
  EXPECT_EQ(take(*file), "4");
  EXPECT_TRUE(file->empty());
}

TEST_F(SpillFileTest, IsAQueueInWhateverOrderItIsUsed) {
  std::minstd_rand dice(7);
  const auto file = make(100'000);
  std::deque<std::string> model;
  std::size_t largest = 0;
  for (int step = 0; step < 20'000; ++step) {
    const bool growing = step % 4000 < 2500;
    if (dice() % 10 < (growing ? 8U : 2U)) {
      model.emplace_back(dice() % (dice() % 50 == 0 ? 90'000 : 300), static_cast<char>('a' + step % 26));
      file->append(model.back(), true);
    } else if (!model.empty()) {
      ASSERT_EQ(take(*file), model.front());
      model.pop_front();
    }
    ASSERT_EQ(file->records(), model.size());
    largest = std::max<std::size_t>(largest, std::filesystem::file_size(path_));
  }
  EXPECT_GT(largest, std::size_t{1} << 20);
  while (!model.empty()) {
    ASSERT_EQ(take(*file), model.front());
    model.pop_front();
  }
  EXPECT_EQ(std::filesystem::file_size(path_), 0U);
}

TEST_F(SpillFileTest, ARecordThatIsTooLongComesBackWholeInParts) {
  const auto file = make();
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  for (std::size_t at = 0; at < text.size(); at += 5000) {
    file->append(std::string_view(text).substr(at, 5000), at + 5000 >= text.size());
  }
  file->append("next", true);
  RecordSplitter::Item item = file->next();
  EXPECT_EQ(item.kind, Kind::kTooLong);
  std::string back(item.text);
  while (!item.last) {
    item = file->next();
    EXPECT_EQ(item.kind, Kind::kRest);
    back += item.text;
  }
  EXPECT_EQ(back, text);
  EXPECT_EQ(take(*file), "next");
}

TEST_F(SpillFileTest, WhatIsLeftStaysInTheFileBehindWhatGoesBeforeIt) {
  const auto file = make();
  for (int i = 0; i < 30'000; ++i) file->append(std::to_string(i), true);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(take(*file), std::to_string(i));
  EXPECT_EQ(file->finish("before\n"), "");
  std::string expected = "before\n";
  for (int i = 10'000; i < 30'000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(content(), expected);
}

TEST_F(SpillFileTest, AFileThatNothingIsLeftOfGoes) {
  const auto file = make();
  file->append("1", true);
  EXPECT_EQ(take(*file), "1");
  EXPECT_EQ(file->finish(""), "");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SpillFileTest, AFileThatHoldsLinesOrBelongsToAnotherIsRefused) {
  std::ofstream(path_) << "1\n";
  SpillFile file(path_, Separator::kNewline, InputKind::kJson, 1000);
  EXPECT_THAT(file.open(), HasSubstr("holds lines that another run could not publish"));
  EXPECT_EQ(content(), "1\n");
  std::filesystem::remove(path_);
  const auto first = make();
  SpillFile second(path_, Separator::kNewline, InputKind::kJson, 1000);
  EXPECT_THAT(second.open(), HasSubstr("another wspub keeps its lines"));
  SpillFile device("/dev/null", Separator::kNewline, InputKind::kJson, 1000);
  EXPECT_THAT(device.open(), HasSubstr("no regular file"));
}

TEST_F(SpillFileTest, WhatTheDiskDoesNotTakeWaitsInMemoryAndIsNotLost) {
  const auto file = make();
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  int records = 0;
  while (file->error().empty() && records < 1'000'000) file->append(std::to_string(records++), true);
  EXPECT_THAT(file->error(), HasSubstr("cannot write to " + path_));
  file->recover();
  EXPECT_NE(file->error(), "");
  setrlimit(RLIMIT_FSIZE, &limit);
  file->recover();
  EXPECT_EQ(file->error(), "");
  std::signal(SIGXFSZ, before);
  for (int i = 0; i < records; ++i) ASSERT_EQ(take(*file), std::to_string(i));
  EXPECT_TRUE(file->empty());
}

}  // namespace
}  // namespace wskit::pub
