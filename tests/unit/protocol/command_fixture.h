// Parses commands from memory that ends where the text ends, so that a sanitizer
// sees a read past it.
#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "common/protocol/command.h"

namespace wskit::protocol {

class CommandFixture : public ::testing::Test {
 protected:
  // What is returned lives until the next call.
  const Command& accept(std::string_view text) {
    const auto result = parse(text);
    if (result) return **result;
    ADD_FAILURE() << text << "\nis refused: " << result.error().error.message;
    static const Command kNone;
    return kNone;
  }

  CommandError refuse(std::string_view text) {
    const auto result = parse(text);
    if (!result) return result.error();
    ADD_FAILURE() << text << "\nis accepted";
    return {};
  }

 private:
  boost::system::result<const Command*, CommandError> parse(std::string_view text) {
    bytes_ = std::vector<char>(text.begin(), text.end());
    return parser_.parse({bytes_.data(), bytes_.size()});
  }

  std::vector<char> bytes_;
  CommandParser parser_;
};

}  // namespace wskit::protocol
