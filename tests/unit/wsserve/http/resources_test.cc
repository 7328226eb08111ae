#include "wsserve/http/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace wskit::server::http {
namespace {

using ::testing::HasSubstr;

Address address_of(std::string_view path) {
  const Found found = find_resource(path);
  EXPECT_NE(found.resource, nullptr) << path;
  return found.resource == nullptr ? Address::kFront : found.resource->address;
}

TEST(Resources, StandWhereTheirAddressSays) {
  for (const Resource& each : resources()) EXPECT_EQ(&resource(each.address), &each) << each.path;
}

TEST(Resources, APathIsItsOwnAddressOrBeginsAsOne) {
  EXPECT_EQ(address_of("/"), Address::kFront);
  EXPECT_EQ(address_of("/ws"), Address::kSocket);
  EXPECT_EQ(address_of("/ws/"), Address::kSocketOf);
  EXPECT_EQ(address_of("/ws/market/AAPL"), Address::kSocketOf);
  EXPECT_EQ(find_resource("/ws/market/AAPL").rest, "market/AAPL");
  EXPECT_EQ(address_of("/ws/stats"), Address::kStats);
  EXPECT_EQ(address_of("/ws/stats/x"), Address::kSocketOf);
  EXPECT_EQ(address_of("/events"), Address::kEvents);
  EXPECT_EQ(address_of("/connections"), Address::kConnections);
  EXPECT_EQ(find_resource("/connections/n-0-1").rest, "n-0-1");
  for (const std::string_view path : {"", "/wsx", "/history", "/publish", "/channels/", "/healthz/x", "/x"}) {
    EXPECT_EQ(find_resource(path).resource, nullptr) << path;
  }
}

TEST(Resources, TakeTheMethodsThatTheyList) {
  EXPECT_TRUE(resource(Address::kConnection).takes("DELETE"));
  EXPECT_TRUE(resource(Address::kConnection).takes("HEAD"));
  for (const std::string_view method : {"", "G", "GET, HEAD", "HEA", "PUT", "get"}) {
    EXPECT_FALSE(resource(Address::kStats).takes(method)) << method;
  }
}

TEST(Resources, TheirFirstSegmentsAreTheServersOwn) {
  for (const std::string_view own : {"ws", "history", "channels", "echo", "healthz"}) {
    EXPECT_TRUE(is_own_segment(own)) << own;
  }
  EXPECT_FALSE(is_own_segment("wsx"));
  EXPECT_FALSE(is_own_segment(""));
}

TEST(Resources, EachStandsInTheTableOfTheProtocolsPage) {
  std::ifstream file(WSKIT_PROTOCOL_PAGE);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::size_t begin = page.find("## 2. Endpoints");
  const std::string table = page.substr(begin, page.find("\n\nA channel in a path", begin) - begin);
  for (const Resource& each : resources()) {
    std::string_view methods = each.methods;
    while (!methods.empty()) {
      const std::string_view method = methods.substr(0, methods.find(','));
      methods.remove_prefix(std::min(method.size() + 2, methods.size()));
      if (method == "HEAD") continue;  // wherever GET is
      const std::string request = "`" + std::string(method) + " " + std::string(each.path);
      EXPECT_THAT(table, ::testing::AnyOf(HasSubstr(request + "`"), HasSubstr(request + "?"))) << each.help;
    }
  }
}

}  // namespace
}  // namespace wskit::server::http
