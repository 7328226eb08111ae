#include "common/protocol/one_line.h"

#include <gtest/gtest.h>

namespace wskit::protocol {
namespace {

std::string one_line(std::string_view json) {
  std::string out = "before\n";
  append_one_line(out, json);
  return out;
}

// F1: a line break between tokens lets a part of an event pass for another one.
TEST(OneLine, EachLineBreakBecomesOneBlank) {
  EXPECT_EQ(one_line("{\"x\":\n{\"y\":1}\r\n,\"z\":\r2}"), "before\n{\"x\": {\"y\":1}  ,\"z\": 2}");
}

TEST(OneLine, NothingElseChanges) {
  EXPECT_EQ(one_line("{ \"a\\n\" :\t1.50, \"\u2028\":\"\\r\" }"),
            "before\n{ \"a\\n\" :\t1.50, \"\u2028\":\"\\r\" }");
  EXPECT_EQ(one_line(""), "before\n");
}

}  // namespace
}  // namespace wskit::protocol
