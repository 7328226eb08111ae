#include "wstap/cursor_file.h"
#include "support/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace wskit::tap {
namespace {

using protocol::FromPositions;
using ::testing::HasSubstr;

constexpr const char* kUrl = "ws://127.0.0.1:9000/ws";

class CursorFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] CursorResult<CursorFile> open(const char* url = kUrl) const {
    return CursorFile::open(path_.string(), url);
  }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  // Why the file is refused; empty: it is taken.
  [[nodiscard]] std::string refusal() const {
    const CursorResult<CursorFile> file = open();
    return file ? std::string{} : file.error().message;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  static FromPositions position(std::uint64_t offset) {
    return {.positions = {{"m/ä", {.offset = offset, .epoch = "e1"}}, {"other", {.offset = 1, .epoch = {}}}},
            .time = protocol::SystemMicros{std::chrono::microseconds{1795168800123456}}};
  }

  const test::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
  const std::filesystem::path path_ = folder_ / "a.cur";
};

TEST_F(CursorFileTest, BeginsWithoutAPosition) {
  const CursorResult<CursorFile> file = open();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->since(), std::nullopt);
  EXPECT_THAT(content(), HasSubstr(R"({"wskit":"cursor","version":1,"url":"ws://127.0.0.1:9000/ws")"));
}

TEST_F(CursorFileTest, GivesBackWhatWasSaved) {
  {
    CursorResult<CursorFile> file = open();
    ASSERT_TRUE(file);
    for (const std::uint64_t offset : {1U, 2U, 42U}) EXPECT_TRUE(file->save(position(offset)));
  }
  const CursorResult<CursorFile> file = open("ws://other/ws");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->since(), position(42));
  EXPECT_EQ(file->saved_url(), kUrl);
  EXPECT_EQ(files(), 1U) << "nothing is left beside it";
}

TEST_F(CursorFileTest, IsReadAgainAfterARunThatSavedNothing) {
  EXPECT_EQ(refusal(), "");
  const CursorResult<CursorFile> file = open();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->since(), std::nullopt);
}

TEST_F(CursorFileTest, BelongsToOneAtATimeAlsoAfterItWasReplaced) {
  CursorResult<CursorFile> file = open();
  ASSERT_TRUE(file);
  EXPECT_THAT(refusal(), HasSubstr("in use by another wstap"));
  EXPECT_TRUE(file->save(position(1)));
  EXPECT_THAT(refusal(), HasSubstr("in use by another wstap"));
  { const CursorFile moved = std::move(*file); }
  EXPECT_EQ(refusal(), "");
}

TEST_F(CursorFileTest, RefusesWhatItDidNotWriteAndLeavesItAlone) {
  for (const char* text :
       {"", " ", "{}", "[]", "null", "{\"wskit\":\"cursor\"", R"({"wskit":"cursor","version":1} x)",
        R"({"wskit":"journal","version":1})", R"({"wskit":"cursor","version":2})",
        R"({"wskit":"cursor","version":1,"since":{"positions":{"a":{"offset":-1}}}})",
        R"({"wskit":"cursor","version":1,"since":{"positions":{"a":{"offset":99999999999999999999}}}})",
        R"({"wskit":"cursor","version":1,"since":{"offset":3}})", "\x00\xff"}) {
    write(text);
    const CursorResult<CursorFile> file = open();
    ASSERT_FALSE(file) << text;
    EXPECT_TRUE(file.error().damaged) << text;
    EXPECT_THAT(file.error().message, HasSubstr(path_.string()));
    EXPECT_THAT(file.error().message, HasSubstr("remove this one"));
    EXPECT_EQ(content(), text);
  }
}

TEST_F(CursorFileTest, RefusesEveryTruncation) {
  {
    CursorResult<CursorFile> file = open();
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->save(position(7)));
  }
  const std::string whole = content();
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    write(whole.substr(0, size));
    EXPECT_NE(refusal(), "") << size;
  }
  write(whole);
  EXPECT_EQ(refusal(), "");
}

TEST_F(CursorFileTest, NamesAPlaceWhereItCannotBe) {
  EXPECT_THAT(CursorFile::open((folder_ / "no" / "a.cur").string(), kUrl).error().message,
              HasSubstr("No such file"));
  const CursorResult<CursorFile> folder = CursorFile::open(folder_.string(), kUrl);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("is a folder: name a file"));
  EXPECT_FALSE(folder.error().damaged);
  EXPECT_THAT(CursorFile::open("/dev/null", kUrl).error().message, HasSubstr("is no regular file"));
}

TEST_F(CursorFileTest, AFailedSaveLeavesTheLastOne) {
  CursorResult<CursorFile> file = open();
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->save(position(1)));
  const std::string before = content();
  // A folder stands where the new content would be written.
  std::filesystem::create_directory(path_.string() + ".new");
  const CursorResult<void> saved = file->save(position(2));
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("cannot write the cursor " + path_.string()));
  EXPECT_EQ(content(), before);
  std::filesystem::remove(path_.string() + ".new");
  EXPECT_TRUE(file->save(position(3))) << "later ones succeed";
}

TEST_F(CursorFileTest, FollowsALink) {
  std::filesystem::create_directory(folder_ / "real");
  const std::filesystem::path real = folder_ / "real" / "b.cur";
  std::ofstream(real) << R"({"wskit":"cursor","version":1,"url":""})";
  std::filesystem::create_symlink(real, path_);
  CursorResult<CursorFile> file = open();
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->save(position(5)));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_THAT(content(), HasSubstr("\"offset\":5"));
}

}  // namespace
}  // namespace wskit::tap
