#include "common/protocol/command_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "command_fixture.h"

namespace wskit::protocol {
namespace {

class CommandText : public CommandFixture {};

std::string text_of(const Command& command) {
  std::string out;
  append_command(out, command);
  return out;
}

TEST_F(CommandText, IsWhatTheParserReads) {
  for (const std::string_view text : {
           R"({"action":"auth","id":1,"token":"a.b.c"})",
           R"({"action":"subscribe","id":"x","channels":["market/*","a"],"events":["trade","bar"],)"
           R"("since":{"offset":5,"epoch":"e"},"max_rate":1.5,"conflate":true,"matched":true,"filter":".x"})",
           R"({"action":"subscribe","since":{"last":3},"conflate":false})",
           R"({"action":"unsubscribe","channels":["a"]})",
           R"({"action":"unsubscribe","events":["trade"]})",
           R"({"action":"history","id":4,"channel":"a/b","since":"start","limit":10})",
           R"({"action":"presence","channel":"a"})",
           R"({"action":"ping","timestamp":1795168800.500})",
           R"({"action":"stats","id":7})",
           R"({"action":"publish","id":7,"producer":"p","events":[{"channel":"a","type":"t","key":"k",)"
           R"("sequence":3,"data":{"n":  1}},{"channel":"b","type":"message","sequence":4,"data":null}]})",
       }) {
    EXPECT_EQ(text_of(accept(text)), text);
  }
}

}  // namespace
}  // namespace wskit::protocol
