// Whatever bytes come: what is read as CBOR is JSON, and written as CBOR it is read as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/cbor/cbor_reader.h"
#include "common/cbor/cbor_writer.h"
#include "common/protocol/json_text.h"

using wskit::fuzz::claim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string json;
  const auto read = wskit::cbor::append_as_json(json, {reinterpret_cast<const char*>(bytes), size});
  if (!read) {
    claim(json.empty(), "nothing is left of what is refused");
    claim(!read.error().message.empty(), "a refusal says why");
    return 0;
  }
  wskit::protocol::JsonScanner scanner(json);
  (void)scanner.value();
  claim(scanner.finish(), "what was read is JSON");
  claim(json.size() <= 16 * size + 64, "its size is bounded by that of the message");
  std::string written;
  wskit::cbor::append_json(written, json);
  std::string again;
  claim(static_cast<bool>(wskit::cbor::append_as_json(again, written)), "what was written can be read");
  std::string message;
  wskit::cbor::append_message(message, json);
  return 0;
}
