#include "common/cbor/cbor_reader.h"

#include <cbor/callbacks.h>
#include <cbor/streaming.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "common/cbor/cbor_writer.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_writer.h"
#include "common/protocol/utf8.h"

namespace wskit::cbor {
namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Result;

constexpr std::uint64_t kSelfDescribed = 55799;

// Turns the items that the library finds into JSON text, one after the other.
class Transcriber {
 public:
  explicit Transcriber(std::string& out) : out_(out) {}

  [[nodiscard]] bool is_done() const { return done_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  // Called while an exception is handled; rethrow() throws it again.
  void keep_exception() noexcept { exception_ = std::current_exception(); }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }
  void fail(std::string why) {
    if (fault_.empty()) fault_ = std::move(why);
  }

  void whole(std::uint64_t number) { number_text(fmt::format_int(number).str()); }
  // CBOR writes -1 - n as n.
  void below_zero(std::uint64_t n) {
    if (n == UINT64_MAX) return number_text("-18446744073709551616");
    number_text(fmt::format("-{}", n + 1));
  }
  void fraction(double number) {
    if (!std::isfinite(number)) return fail("it has a number that is not finite, which JSON has not");
    std::array<char, 32> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    std::string written(text.data(), end);
    // So that it stays no integer.
    if (written.find_first_of(".e") == std::string::npos) written += ".0";
    number_text(written);
  }
  void boolean(bool yes) { literal(yes ? "true" : "false"); }
  void null() { literal("null"); }

  void text(std::string_view text) {
    if (joined_) {
      if (joins_bytes_) return fail("pieces of a byte string are not text");
      joined_->append(text);
      return;
    }
    if (!protocol::is_utf8(text)) return fail("it has a text that is not UTF-8");
    if (!begin_item(true)) return;
    protocol::append_json_string(out_, text);
    end_item();
  }
  void bytes(std::string_view bytes) {
    if (joined_) {
      if (!joins_bytes_) return fail("pieces of a text are not bytes");
      joined_->append(bytes);
      return;
    }
    if (!embedded_) return fail("it has a byte string without tag 262, which JSON has not");
    protocol::JsonScanner scanner(bytes);
    const std::string_view value = scanner.value();
    if (!scanner.finish() || !protocol::is_utf8(bytes)) return fail("what has tag 262 is not JSON");
    embedded_ = false;
    if (!begin_item(false)) return;
    out_.append(value);
    end_item();
  }
  // The pieces of a string of no known length follow.
  void begin_pieces(bool are_bytes) {
    if (joined_) return fail("a string has strings without a length within it");
    joined_.emplace();
    joins_bytes_ = are_bytes;
  }
  void tag(std::uint64_t number) {
    if (joined_) return fail("a string has something else within it");
    if (number == kSelfDescribed && levels_.empty() && !done_) return;
    if (number != kEmbeddedJson) return fail(fmt::format("it has tag {}, which is not read here", number));
    if (embedded_) return fail("tag 262 stands there twice");
    embedded_ = true;
  }

  void begin(bool is_map, std::optional<std::uint64_t> items) {
    if (!begin_item(false)) return;
    if (levels_.size() == protocol::kMaxJsonDepth) {
      return fail(fmt::format("it is nested deeper than {} levels", protocol::kMaxJsonDepth));
    }
    out_.push_back(is_map ? '{' : '[');
    levels_.push_back({.is_map = is_map, .has_items = false, .name_is_next = is_map, .left = items});
    if (items == std::uint64_t{0}) end_level();
  }
  // Of what has no known length.
  void end_indefinite() {
    if (joined_) {
      const std::string whole_text = *std::exchange(joined_, std::nullopt);
      return joins_bytes_ ? bytes(whole_text) : text(whole_text);
    }
    if (embedded_ || levels_.empty() || levels_.back().left ||
        (levels_.back().is_map && !levels_.back().name_is_next)) {
      return fail("a break stands where nothing ends");
    }
    end_level();
  }

 private:
  struct Level {
    bool is_map;
    bool has_items;
    bool name_is_next;
    std::optional<std::uint64_t> left;  // members or elements; nothing: until a break
  };

  // False: no item may stand here.
  bool begin_item(bool is_text) {
    if (!fault_.empty()) return false;
    if (embedded_) {
      fail("tag 262 stands before what is no byte string");
      return false;
    }
    if (joined_) {
      fail("a string has something else within it");
      return false;
    }
    if (levels_.empty()) return true;
    Level& level = levels_.back();
    if (level.name_is_next && !is_text) {
      fail("it has a name that is no text");
      return false;
    }
    const bool begins_member = !level.is_map || level.name_is_next;
    if (begins_member && level.has_items) out_.push_back(',');
    level.has_items = true;
    return true;
  }
  void end_item() {
    if (levels_.empty()) {
      done_ = true;
      return;
    }
    Level& level = levels_.back();
    if (level.is_map) {
      const bool was_name = level.name_is_next;
      level.name_is_next = !was_name;
      if (was_name) return out_.push_back(':');
    }
    if (level.left && --*level.left == 0) end_level();
  }
  void end_level() {
    out_.push_back(levels_.back().is_map ? '}' : ']');
    levels_.pop_back();
    end_item();
  }
  void number_text(std::string_view text) { literal(text); }
  void literal(std::string_view text) {
    if (!begin_item(false)) return;
    out_.append(text);
    end_item();
  }

  std::string& out_;
  std::vector<Level> levels_;
  std::optional<std::string> joined_;  // of a string that comes in pieces
  bool joins_bytes_ = false;
  bool embedded_ = false;  // tag 262 has come, and its byte string is next
  bool done_ = false;
  std::string fault_;
  std::exception_ptr exception_;
};

// Nothing that is thrown passes through the library, which is C.
template <class Call>
void hand_to(void* context, const Call& call) noexcept {
  auto& transcriber = *static_cast<Transcriber*>(context);
  try {
    call(transcriber);
  } catch (...) {
    transcriber.keep_exception();
  }
}

std::string_view view(cbor_data data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What the library calls for each item.
cbor_callbacks make_callbacks() {
  cbor_callbacks calls{};
  calls.uint8 = [](void* to, std::uint8_t n) { hand_to(to, [&](Transcriber& t) { t.whole(n); }); };
  calls.uint16 = [](void* to, std::uint16_t n) { hand_to(to, [&](Transcriber& t) { t.whole(n); }); };
  calls.uint32 = [](void* to, std::uint32_t n) { hand_to(to, [&](Transcriber& t) { t.whole(n); }); };
  calls.uint64 = [](void* to, std::uint64_t n) { hand_to(to, [&](Transcriber& t) { t.whole(n); }); };
  calls.negint8 = [](void* to, std::uint8_t n) { hand_to(to, [&](Transcriber& t) { t.below_zero(n); }); };
  calls.negint16 = [](void* to, std::uint16_t n) { hand_to(to, [&](Transcriber& t) { t.below_zero(n); }); };
  calls.negint32 = [](void* to, std::uint32_t n) { hand_to(to, [&](Transcriber& t) { t.below_zero(n); }); };
  calls.negint64 = [](void* to, std::uint64_t n) { hand_to(to, [&](Transcriber& t) { t.below_zero(n); }); };
  calls.byte_string_start = [](void* to) { hand_to(to, [&](Transcriber& t) { t.begin_pieces(true); }); };
  calls.byte_string = [](void* to, cbor_data data, std::size_t size) {
    hand_to(to, [&](Transcriber& t) { t.bytes(view(data, size)); });
  };
  calls.string_start = [](void* to) { hand_to(to, [&](Transcriber& t) { t.begin_pieces(false); }); };
  calls.string = [](void* to, cbor_data data, std::size_t size) {
    hand_to(to, [&](Transcriber& t) { t.text(view(data, size)); });
  };
  calls.indef_array_start = [](void* to) {
    hand_to(to, [&](Transcriber& t) { t.begin(false, std::nullopt); });
  };
  calls.array_start = [](void* to, std::size_t size) {
    hand_to(to, [&](Transcriber& t) { t.begin(false, size); });
  };
  calls.indef_map_start = [](void* to) { hand_to(to, [&](Transcriber& t) { t.begin(true, std::nullopt); }); };
  calls.map_start = [](void* to, std::size_t size) {
    hand_to(to, [&](Transcriber& t) { t.begin(true, size); });
  };
  calls.tag = [](void* to, std::uint64_t number) { hand_to(to, [&](Transcriber& t) { t.tag(number); }); };
  calls.float2 = [](void* to, float number) {
    hand_to(to, [&](Transcriber& t) { t.fraction(static_cast<double>(number)); });
  };
  calls.float4 = [](void* to, float number) {
    hand_to(to, [&](Transcriber& t) { t.fraction(static_cast<double>(number)); });
  };
  calls.float8 = [](void* to, double number) { hand_to(to, [&](Transcriber& t) { t.fraction(number); }); };
  calls.undefined = [](void* to) { hand_to(to, [&](Transcriber& t) { t.null(); }); };
  calls.null = [](void* to) { hand_to(to, [&](Transcriber& t) { t.null(); }); };
  calls.boolean = [](void* to, bool yes) { hand_to(to, [&](Transcriber& t) { t.boolean(yes); }); };
  calls.indef_break = [](void* to) { hand_to(to, [&](Transcriber& t) { t.end_indefinite(); }); };
  return calls;
}

Error bad_cbor(std::size_t position, std::string_view why) {
  return {ErrorCode::kBadJson,
          fmt::format("the message is no CBOR that JSON can say: {} (byte {})", why, position),
          fmt::format(R"({{"position":{}}})", position)};
}

}  // namespace

Result<void> append_as_json(std::string& out, std::string_view message) {
  static const cbor_callbacks kCallbacks = make_callbacks();
  const std::size_t before = out.size();
  Transcriber transcriber(out);
  std::size_t at = 0;
  std::string why;
  while (!transcriber.is_done() && why.empty()) {
    const auto* data = reinterpret_cast<cbor_data>(message.data() + at);
    const cbor_decoder_result item = cbor_stream_decode(data, message.size() - at, &kCallbacks, &transcriber);
    transcriber.rethrow();
    why = transcriber.fault();
    if (!why.empty()) break;
    if (item.status == CBOR_DECODER_NEDATA) why = "it ends in the middle";
    if (item.status == CBOR_DECODER_ERROR) why = "it has a byte that begins no item";
    if (item.status == CBOR_DECODER_FINISHED) at += item.read;
  }
  if (why.empty() && at < message.size()) why = "something follows its first item";
  if (why.empty()) return {};
  out.resize(before);
  return bad_cbor(at, why);
}

}  // namespace wskit::cbor
