// Lines with numbers for few channels, the events that they make, and a server that refuses some.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "publisher_fixture.h"

namespace wskit::pub {

class DeliveryTest : public PublisherFixture {
 protected:
  // `count` lines for the channels c/0 to c/`channels`-1, each with its number.
  std::string lines(int count, int channels = 1) {
    std::string text;
    for (int i = 1; i <= count; ++i) text += fmt::format(R"({{"c":{},"n":{}}})", i % channels, i) + "\n";
    options_.first_operand = "c/{c}";
    return text;
  }

  // The events that lines() make, for one channel.
  static std::vector<std::string> expected(int count, int channels = 1, int channel = 0) {
    std::vector<std::string> events;
    for (int i = 1; i <= count; ++i) {
      if (i % channels != channel) continue;
      events.push_back(fmt::format(R"({{"type":"message","data":{{"c":{},"n":{}}}}})", channel, i));
    }
    return events;
  }

  // Refuses each event that holds `needle` for good.
  auto refusing(std::string needle, protocol::ErrorCode code, bool with_index) {
    return [=](const protocol::Command& command) {
      for (std::size_t i = 0; i < command.publish.size(); ++i) {
        if (command.publish[i].data.find(needle) == std::string_view::npos) continue;
        std::string details = with_index && command.batch ? fmt::format(R"({{"index":{}}})", i) : "";
        return Verdict{Verdict::Kind::kRefuse, {code, "not here", std::move(details)}};
      }
      return Verdict{};
    };
  }

  void expect_settled() const {
    const Totals& t = totals();
    EXPECT_EQ(t.read, t.acknowledged + t.skipped + t.refused + t.dropped + t.unacknowledged) << notices();
  }
};

}  // namespace wskit::pub
