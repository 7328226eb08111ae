// JSON as text: checks every byte by the grammar of RFC 8259 and cuts values out
// as they were written, without turning them into anything.
//
// This is our own because payloads pass through untouched, whatever valid JSON
// they are: libraries refuse valid text that does not fit their values (integers
// past 64 bits, 1e999, escaped lone surrogates), or do not check what they skip.
// It is no slower for that: on a publish of 200 bytes, checking and cutting in
// one pass takes 0.16 us, simdjson's DOM to check 0.19 us and its On-Demand
// interface to cut another 0.14 us (bench/protocol_bench.cc).
//
// Threads: one scanner, one thread; the functions are pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wskit::protocol {

// Arrays and objects within each other, the outermost included: of a command and of an event.
inline constexpr std::size_t kMaxJsonDepth = 512;
// Of what a server answers: a history's events lie within three levels more.
inline constexpr std::size_t kMaxReplyDepth = kMaxJsonDepth + 3;

struct JsonFault {
  std::size_t position = 0;  // of the first byte that cannot be right
  std::string_view reason;   // a literal
};

// Walks one JSON text from its first byte to its last. White space around values
// is passed over. After the first fault every member answers "no more", and
// fault() tells what it was.
//
//   JsonScanner scanner(text);
//   std::string_view key;
//   for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
//     const std::string_view value = scanner.value();
//     …
//   }
//   if (!scanner.finish()) return scanner.fault();
class JsonScanner {
 public:
  // The text must outlive the scanner and what it cut out. `max_depth`: less than usual for
  // what is to lie within other levels. REQUIRES: max_depth <= kMaxReplyDepth.
  explicit JsonScanner(std::string_view text, std::size_t max_depth = kMaxJsonDepth)
      : begin_(text.data()), position_(text.data()), end_(text.data() + text.size()), max_depth_(max_depth) {}

  // The first byte of the value that comes next; NUL at the end of the text.
  [[nodiscard]] char peek();

  // One whole value; empty only after a fault.
  [[nodiscard]] std::string_view value();

  // Enters the object that comes next. True if it has a member: then `key` is
  // what stands between its quotes, and its value comes next.
  [[nodiscard]] bool begin_object(std::string_view& key);
  // After a member's value: the next member, or false past the end of the object.
  [[nodiscard]] bool next_member(std::string_view& key);

  // The same for an array: true if an element comes next.
  [[nodiscard]] bool begin_array();
  [[nodiscard]] bool next_element();

  // Where the next byte stands in the text.
  [[nodiscard]] const char* position() const { return position_; }

  // How many arrays and objects lay within each other at most.
  [[nodiscard]] std::size_t deepest() const { return deepest_; }

  // Whether all is well and nothing but white space is left.
  [[nodiscard]] bool finish();

  [[nodiscard]] bool failed() const { return !reason_.empty(); }
  [[nodiscard]] JsonFault fault() const { return {static_cast<std::size_t>(position_ - begin_), reason_}; }

 private:
  enum class Step : std::uint8_t { kFailed, kEnded, kOpened };

  // Each skip_… takes the place where a part begins and returns the one after it,
  // or notes the fault and returns null.
  const char* fail(const char* where, std::string_view reason);
  const char* fail_unexpected(const char* where, std::string_view reason);
  [[nodiscard]] const char* skip_space(const char* p) const;
  const char* skip_string(const char* p);
  const char* skip_special(const char* p);
  const char* skip_escape(const char* p);
  const char* skip_number(const char* p);
  const char* skip_digits(const char* p);
  const char* skip_literal(const char* p, std::string_view literal);
  const char* skip_key(const char* p);
  Step start_value(const char*& p);
  Step end_value(const char*& p);
  Step open(const char*& p, bool object);
  bool arrive(const char* p, Step step);

  const char* begin_;
  const char* position_;  // after a fault: where it is
  const char* end_;
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
  std::array<bool, kMaxReplyDepth> in_object_;  // of each open level, up to depth_
  std::string_view key_;                        // of the member that was reached last
  std::string_view reason_;
};

// What `value`, cut out by a scanner, is.
[[nodiscard]] inline bool is_json_string(std::string_view value) { return value.starts_with('"'); }
[[nodiscard]] inline bool is_json_number(std::string_view value) {
  return !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
}

// Appends what a checked string stands for; `content` is the text between its
// quotes. False, with `out` as it was, if it holds half a surrogate pair, which
// no UTF-8 text can hold.
[[nodiscard]] bool append_decoded(std::string& out, std::string_view content);

}  // namespace wskit::protocol
