#include "wsserve/audit/records.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "support/scratch_folder.h"
#include "wsserve/audit/audit_log.h"

namespace wskit::server::audit {
namespace {

constexpr std::string_view kTime = "2026-01-02T03:04:05.678Z";
const Actor kAnn{.connection = "n-0-1", .user = "ann", .address = "192.0.2.1:4711"};

// What `write` puts into the file, without the members that every record of ann's begins with.
std::string recorded(const std::function<void(AuditLog&)>& write, bool with_data = false) {
  const test::ScratchFolder scratch;
  const std::string path = (scratch.path() / "audit.log").string();
  auto log = AuditLog::open({.path = path, .with_data = with_data});
  EXPECT_TRUE(log) << log.error().message;
  write(**log);
  log->reset();
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view kBegin = R"({"time":"2026-01-02T03:04:05.678Z","what":)";
  constexpr std::string_view kWho = R"(,"connection":"n-0-1","user":"ann","address":"192.0.2.1:4711")";
  for (const std::string_view each : {kBegin, kWho}) {
    for (auto found = text.find(each); found != std::string::npos; found = text.find(each)) {
      text.erase(found, each.size());
    }
  }
  return text;
}

TEST(AuditRecordsTest, NameWhoDidItAndWhen) {
  const auto write = [](AuditLog& log) { connect(log, kTime, kAnn, "echo"); };
  EXPECT_EQ(recorded(write), "\"connect\",\"kind\":\"echo\"}\n");
}

TEST(AuditRecordsTest, AnonymousIsNull) {
  const auto write = [](AuditLog& log) {
    authenticate(log, kTime, {.connection = "n-0-2", .user = {}, .address = "unix"});
  };
  EXPECT_EQ(recorded(write),
            "\"authenticate\",\"connection\":\"n-0-2\",\"user\":null,\"address\":\"unix\"}\n");
}

TEST(AuditRecordsTest, ADisconnectionSaysHowAndWhatCame) {
  const auto write = [](AuditLog& log) {
    disconnect(log, kTime, kAnn, protocol::CloseCode::kSlowConsumer, "too slow",
               {.delivered = 7, .merged = 0, .filtered = 0, .dropped = 2, .queued_bytes = 0});
  };
  EXPECT_EQ(recorded(write),
            "\"disconnect\",\"code\":4008,\"reason\":\"too slow\",\"delivered\":7,\"dropped\":2}\n");
}

TEST(AuditRecordsTest, ARefusedRequestHasTheErrorOfItsAnswer) {
  const RefusedRequest request{.method = "GET",
                               .path = "/ws/a",
                               .origin = "https://example.com",
                               .status = 403,
                               .body = "{\"error\":{\"code\":\"FORBIDDEN\"}}\n"};
  EXPECT_EQ(
      recorded([&](AuditLog& log) { refuse_request(log, kTime, kAnn, request); }),
      "\"refuse\",\"status\":403,\"method\":\"GET\",\"path\":\"/ws/a\",\"origin\":\"https://example.com\","
      "\"error\":{\"code\":\"FORBIDDEN\"}}\n");
}

TEST(AuditRecordsTest, EachEventHasItsRecord) {
  const std::array<protocol::PublishEvent, 2> events{
      {{.channel = "a", .type = "tick", .timestamp = {}, .key = {}, .dedup = {}, .data = "[1]"},
       {.channel = "b", .type = "tock", .timestamp = {}, .key = {}, .dedup = {}, .data = "[2]"}}};
  const std::array<protocol::Published, 2> published{
      {{.channel = "a", .offset = 1, .epoch = "e"},
       {.channel = "b", .offset = 9, .epoch = "f", .duplicate = true}}};
  const auto write = [&](AuditLog& log) { publish(log, kTime, kAnn, events, published); };
  EXPECT_EQ(
      recorded(write),
      "\"publish\",\"channel\":\"a\",\"offset\":1,\"epoch\":\"e\",\"type\":\"tick\"}\n"
      "\"publish\",\"channel\":\"b\",\"offset\":9,\"epoch\":\"f\",\"type\":\"tock\",\"duplicate\":true}\n");
  EXPECT_EQ(recorded(write, true),
            "\"publish\",\"channel\":\"a\",\"offset\":1,\"epoch\":\"e\",\"type\":\"tick\",\"data\":[1]}\n"
            "\"publish\",\"channel\":\"b\",\"offset\":9,\"epoch\":\"f\",\"type\":\"tock\",\"duplicate\":true,"
            "\"data\":[2]}\n");
}

TEST(AuditRecordsTest, NothingIsWrittenOfNoChannels) {
  EXPECT_EQ(recorded([](AuditLog& log) {
              subscribe(log, kTime, kAnn, {});
              unsubscribe(log, kTime, kAnn, {});
            }),
            "");
  const std::vector<std::string_view> left{"a", "b/*"};
  EXPECT_EQ(recorded([&](AuditLog& log) { unsubscribe(log, kTime, kAnn, left); }),
            "\"unsubscribe\",\"channels\":[\"a\",\"b/*\"]}\n");
}

}  // namespace
}  // namespace wskit::server::audit
