#include "wspub/input_copy.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace wskit::pub {
namespace {

// The copy of inputs that are read whole, or byte by byte: which must not matter.
std::string copy(Separator separator, InputKind input, std::initializer_list<std::string_view> inputs) {
  InputCopy whole(separator, input);
  InputCopy bitwise(separator, input);
  std::string out;
  std::string other;
  for (const std::string_view text : inputs) {
    whole.take(text, out);
    whole.end_input(out);
    for (std::size_t i = 0; i < text.size(); ++i) bitwise.take(text.substr(i, 1), other);
    bitwise.end_input(other);
  }
  EXPECT_EQ(out, other);
  return out;
}

// F1: a reader of the copy takes a line for an event.
TEST(InputCopy, AWholeDocumentOfJsonIsOneLine) {
  EXPECT_EQ(copy(Separator::kNone, InputKind::kJson, {"{\"x\":\n{\"y\":1}\r\n}\n\n"}),
            "{\"x\": {\"y\":1}  }\n");
  EXPECT_EQ(copy(Separator::kNone, InputKind::kJson, {"1", "[\n]"}), "1\n[ ]\n");
}

TEST(InputCopy, ALineOfJsonHasNoLineBreakInIt) {
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kJson, {"{\"x\":\r{\"y\":1}}\n"}), "{\"x\": {\"y\":1}}\n");
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kJson, {"1\r\r\n2"}), "1 \r\n2");
}

TEST(InputCopy, TheLastLineOfAnInputDoesNotRunIntoTheNextInput) {
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kJson, {"1\n2", "3\n", "4"}), "1\n2\n3\n4");
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kText, {"a", "b"}), "a\nb");
  EXPECT_EQ(copy(Separator::kNul, InputKind::kJson, {"1", "2"}), std::string("1\0"
                                                                             "2",
                                                                             3));
}

TEST(InputCopy, WhatIsRightAlreadyStaysAsItIs) {
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kJson, {"1\r\n2\n\n \"\\n\"\n"}), "1\r\n2\n\n \"\\n\"\n");
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kText, {"a\rb\r\n"}), "a\rb\r\n");
  EXPECT_EQ(copy(Separator::kNone, InputKind::kText, {"a\nb\n"}), "a\nb\n");
  EXPECT_EQ(copy(Separator::kNul, InputKind::kJson, {std::string_view("{\n}\0", 4)}),
            std::string("{\n}\0", 4));
  EXPECT_EQ(copy(Separator::kNewline, InputKind::kJson, {"", ""}), "");
}

}  // namespace
}  // namespace wskit::pub
