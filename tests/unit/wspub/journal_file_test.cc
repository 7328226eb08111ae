#include "wspub/journal_file.h"
#include "support/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace wskit::pub {
namespace {

using testing::HasSubstr;

class JournalFileTest : public testing::Test {
 protected:
  static JournalEntry entry(std::uint64_t records) {
    JournalEntry entry;
    entry.producer = "abc";
    entry.separator = Separator::kNul;
    entry.before = 3;
    entry.mark = {records, records * 10, 0xdeadbeef};
    return entry;
  }

  // Leaves a journal that was written `times` times, lastly with `times` records.
  void write(std::uint64_t times) {
    JournalFile file;
    JournalEntry first = entry(0);
    ASSERT_EQ(file.open(path_, first), "");
    for (std::uint64_t i = 1; i <= times; ++i) ASSERT_EQ(file.write(entry(i)), "");
  }

  // What a journal says when it is opened again; the error where it cannot be.
  std::string error_;
  JournalEntry read() {
    JournalFile file;
    JournalEntry found;
    error_ = file.open(path_, found);
    return found;
  }

  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void set_content(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  const test::ScratchFolder scratch_;
  std::string path_ = scratch_.path() / "j";
};

TEST_F(JournalFileTest, ANewOneSaysWhatItIsGivenAndKeepsIt) {
  write(0);
  EXPECT_EQ(read(), entry(0));
  EXPECT_EQ(error_, "");
}

TEST_F(JournalFileTest, TheLastEntryCounts) {
  for (const std::uint64_t times : {1U, 2U, 3U, 10U}) {
    std::filesystem::remove(path_);
    write(times);
    EXPECT_EQ(read(), entry(times));
  }
}

TEST_F(JournalFileTest, ItNeverGrows) {
  write(0);
  const std::size_t size = content().size();
  EXPECT_EQ(size, 2 * JournalFile::kSlotBytes);
  std::filesystem::remove(path_);
  write(100);
  EXPECT_EQ(content().size(), size);
}

TEST_F(JournalFileTest, ATornWriteLeavesTheEntryBeforeIt) {
  write(7);
  const std::string before = content();
  {
    JournalFile file;
    JournalEntry found;
    ASSERT_EQ(file.open(path_, found), "");
    ASSERT_EQ(file.write(entry(8)), "");
  }
  const std::string after = content();
  // As if the power had gone after each byte of the last write.
  std::size_t changed = 0;
  for (std::size_t cut = 0; cut < after.size(); ++cut) {
    if (before[cut] == after[cut]) continue;
    ++changed;
    set_content(after.substr(0, cut) + before.substr(cut));
    const JournalEntry found = read();
    EXPECT_EQ(error_, "");
    const bool whole = found == entry(8);
    EXPECT_TRUE(found == entry(7) || found == entry(6) || whole) << "cut at " << cut;
    EXPECT_TRUE(!whole || changed > 3) << "it needs its checksum";
  }
  EXPECT_GT(changed, 3U);
  set_content(after);
  EXPECT_EQ(read(), entry(8));
}

TEST_F(JournalFileTest, AnyDamagedByteIsNoticed) {
  write(7);
  const std::string whole = content();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (whole[at] == ' ' || whole[at] == '\n') continue;
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    set_content(damaged);
    const JournalEntry found = read();
    EXPECT_EQ(error_, "");
    EXPECT_TRUE(found == entry(7) || found == entry(6)) << "byte " << at;
  }
}

TEST_F(JournalFileTest, AForeignFileIsRefusedAndLeftAsItIs) {
  set_content("precious\n");
  read();
  EXPECT_THAT(error_, HasSubstr("is no journal of wspub, or is damaged"));
  EXPECT_EQ(content(), "precious\n");
}

TEST_F(JournalFileTest, AnEmptyFileIsANewOne) {
  set_content("");
  JournalFile file;
  JournalEntry first = entry(0);
  EXPECT_EQ(file.open(path_, first), "");
  EXPECT_EQ(first, entry(0));
}

TEST_F(JournalFileTest, OnlyOneHasItAtATime) {
  JournalFile first;
  JournalEntry entry_of_first = entry(0);
  ASSERT_EQ(first.open(path_, entry_of_first), "");
  read();
  EXPECT_THAT(error_, HasSubstr("in use by another wspub"));
}

TEST_F(JournalFileTest, APathThatCannotBeOpenedIsNamed) {
  path_ = "/nonexistent/j";
  read();
  EXPECT_THAT(error_, HasSubstr("cannot open the journal /nonexistent/j: No such file"));
}

}  // namespace
}  // namespace wskit::pub
