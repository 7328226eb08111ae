// An event that can be read can be written and read again, with the same parts.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "claim.h"
#include "common/protocol/event.h"
#include "common/protocol/json_text.h"
#include "support/encode_event.h"

namespace {

using namespace wskit::protocol;  // NOLINT(google-build-using-namespace): a program of its own
using wskit::fuzz::claim;
using wskit::test::encode_event;

bool same(const EventView& a, const EventView& b) {
  return a.type == b.type && a.channel == b.channel && a.offset == b.offset && a.timestamp == b.timestamp &&
         a.id == b.id && a.key == b.key && a.received == b.received && a.from == b.from &&
         a.merged == b.merged && a.data == b.data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  std::string storage;
  const auto event = decode_event(text, storage);
  if (!event) {
    claim(!event.error().message.empty(), "a refusal says why");
    return 0;
  }
  claim(text.find(event->data) != std::string_view::npos, "the data stands in the message as it is");
  const std::string written = encode_event(*event);
  claim(written.size() == encoded_size(*event), "the size is known before");
  JsonScanner scanner(written);
  (void)scanner.value();
  claim(scanner.finish(), "an event is written as JSON");
  std::string storage_again;
  const auto again = decode_event(written, storage_again);
  claim(static_cast<bool>(again), "what was written can be read");
  claim(same(*event, *again), "reading what was written gives the same event");
  claim(encode_event(*again) == written, "writing is stable");
  return 0;
}
