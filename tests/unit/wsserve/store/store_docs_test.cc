// docs/store.md: every query in it answers as the page says, on a file that the
// store wrote.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <map>

#include "store_fixture.h"
#include "wsserve/store/database.h"

namespace wskit::server::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// The SQL blocks of the page below each heading.
std::map<std::string, std::vector<std::string>> blocks_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::map<std::string, std::vector<std::string>> blocks;
  std::string heading;
  std::string block;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```sql") {
      inside = true;
      block.clear();
    } else if (line == "```" && inside) {
      inside = false;
      blocks[heading].push_back(block);
    } else if (inside) {
      block += line + "\n";
    } else if (line.starts_with("#")) {
      heading = line.substr(line.find(' ') + 1);
    }
  }
  return blocks;
}

class StoreDocsTest : public StoreFixture {
 protected:
  StoreDocsTest() {
    retention_.dedup = {.max_ids = 1'000, .max_age = std::chrono::hours{1}};
    now_ = protocol::parse_timestamp("2026-11-20T09:59:58.000001Z").value();
    open();
    for (int i = 1; i <= 5; ++i) {
      publish("orders/AAPL", fmt::format(R"({{"user":"ann","price":{}}})", 147 + i),
              fmt::format(R"("engine-7:{}")", i));
      publish("market", "1");
      now_ = now_.load() + std::chrono::seconds{1};
    }
    settle();
  }

  // The rows of the block below a heading, values parted by "|". The store is
  // open meanwhile.
  std::vector<std::string> answers(const std::string& heading, std::size_t block = 0) {
    const auto found = blocks_.find(heading);
    if (found == blocks_.end() || found->second.size() <= block) {
      ADD_FAILURE() << "docs/store.md has no such block: " << heading;
      return {};
    }
    ++used_;
    return rows(found->second[block]);
  }

  std::vector<std::string> rows(const std::string& query) {
    Database database(path_, Access::kReadOnly);
    std::vector<std::string> rows;
    sqlite3_exec(
        database.handle(), query.c_str(),
        [](void* out, int columns, char** values, char**) {
          std::string row;
          for (int i = 0; i != columns; ++i) {
            row += fmt::format("{}{}", i == 0 ? "" : "|", values[i] == nullptr ? "NULL" : values[i]);
          }
          static_cast<std::vector<std::string>*>(out)->push_back(row);
          return 0;
        },
        &rows, nullptr);
    EXPECT_EQ(sqlite3_errcode(database.handle()), SQLITE_OK) << sqlite3_errmsg(database.handle()) << "\n"
                                                             << query;
    return rows;
  }

  const std::map<std::string, std::vector<std::string>> blocks_ =
      blocks_of(std::string(WSKIT_SOURCE_DIR) + "/docs/store.md");
  std::size_t used_ = 0;
};

TEST_F(StoreDocsTest, EveryQueryAnswersAsThePageSays) {
  EXPECT_THAT(answers("Schema"), SizeIs(4));
  EXPECT_THAT(answers("The events of a channel, in order"),
              ElementsAre(R"(1|2026-11-20T09:59:58.000001Z|trade|{"user":"ann","price":148})",
                          R"(2|2026-11-20T09:59:59.000001Z|trade|{"user":"ann","price":149})",
                          R"(3|2026-11-20T10:00:00.000001Z|trade|{"user":"ann","price":150})",
                          R"(4|2026-11-20T10:00:01.000001Z|trade|{"user":"ann","price":151})",
                          R"(5|2026-11-20T10:00:02.000001Z|trade|{"user":"ann","price":152})"));
  EXPECT_THAT(answers("A part of a channel by its offsets"),
              ElementsAre(R"(2|trade|{"user":"ann","price":149})", R"(3|trade|{"user":"ann","price":150})",
                          R"(4|trade|{"user":"ann","price":151})"));
  EXPECT_THAT(answers("All channels within a time"),
              ElementsAre("2026-11-20T10:00:00.000001Z|market|3|trade|1",
                          R"(2026-11-20T10:00:00.000001Z|orders/AAPL|3|trade|{"user":"ann","price":150})",
                          "2026-11-20T10:00:01.000001Z|market|4|trade|1",
                          R"(2026-11-20T10:00:01.000001Z|orders/AAPL|4|trade|{"user":"ann","price":151})",
                          "2026-11-20T10:00:02.000001Z|market|5|trade|1",
                          R"(2026-11-20T10:00:02.000001Z|orders/AAPL|5|trade|{"user":"ann","price":152})"));
  EXPECT_THAT(answers("By what stands in the payload"),
              ElementsAre("orders/AAPL|4|ann|151", "orders/AAPL|5|ann|152"));
  EXPECT_THAT(answers("Is anything missing?"), IsEmpty());
  EXPECT_THAT(answers("How much was published, by channel and hour"),
              ElementsAre("market|2026-11-20T09|2|2", "market|2026-11-20T10|3|3",
                          "orders/AAPL|2026-11-20T09|2|52", "orders/AAPL|2026-11-20T10|3|78"));
  EXPECT_THAT(answers("Who sent it, and was it sent twice?"),
              ElementsAre(R"(orders/AAPL|3|2026-11-20T10:00:00.000001Z|{"user":"ann","price":150})"));
  EXPECT_THAT(answers("Who sent it, and was it sent twice?", 1), IsEmpty());
  EXPECT_THAT(answers("Who sent it, and was it sent twice?", 2), IsEmpty());
  EXPECT_THAT(answers("What there is"), ElementsAre("market|E1|5|0", "orders/AAPL|E1|5|0"));

  std::size_t blocks = 0;
  for (const auto& [heading, below] : blocks_) blocks += below.size();
  EXPECT_EQ(used_, blocks) << "a query of the page is not tested here";
}

TEST_F(StoreDocsTest, TheSearchForHolesAndRepetitionsFindsThem) {
  close();
  sql("DELETE FROM events WHERE data = '{\"user\":\"ann\",\"price\":150}'");
  sql(R"(UPDATE events SET dedup = '"engine-7:1"' WHERE dedup = '"engine-7:2"')");
  sql("DELETE FROM events WHERE data = '1' AND id & 255 = 1");
  EXPECT_THAT(answers("Is anything missing?"), ElementsAre("market|2|5|0", "orders/AAPL|1|5|1"));
  EXPECT_THAT(answers("Who sent it, and was it sent twice?", 1),
              ElementsAre(R"(orders/AAPL|"engine-7:1"|2)"));
  sql("UPDATE events SET dedup = NULL, producer = 'engine-7', sequence = 4 WHERE dedup IS NOT NULL");
  EXPECT_THAT(answers("Who sent it, and was it sent twice?", 2), ElementsAre("orders/AAPL|engine-7|4|4"));
}

TEST_F(StoreDocsTest, AConditionOnTheChannelIsARangeOfTheKey) {
  const auto plan = rows("EXPLAIN QUERY PLAN " + blocks_.at("The events of a channel, in order").front());
  EXPECT_THAT(plan,
              testing::Contains(HasSubstr("SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")));
  EXPECT_THAT(plan, testing::Contains(HasSubstr("SEARCH channels USING COVERING INDEX")));
}

TEST_F(StoreDocsTest, ACopyMadeWhileItRunsIsAStore) {
  sql("VACUUM INTO '" + (folder_ / "copy.db").string() + "'");
  publish("market", "2");
  settle();
  close();
  options_.path = (folder_ / "copy.db").string();
  open();
  EXPECT_EQ(channel("market").newest_at_open(), 5U);
  EXPECT_NE(channel("market").epoch(), "E1") << "the original has served on";
}

}  // namespace
}  // namespace wskit::server::store
