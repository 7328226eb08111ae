#include "wsserve/transport/first_bytes.h"

namespace wskit::server {
namespace {

constexpr char kHandshakeRecord = 0x16;

}  // namespace

// The next byte would be the major version, 3; it need not be there yet, and a
// request begins with neither.
bool begins_tls(std::string_view bytes) {
  return !bytes.empty() && bytes[0] == kHandshakeRecord && (bytes.size() == 1 || bytes[1] == 3);
}

bool begins_http(std::string_view bytes) { return !bytes.empty() && bytes[0] >= 'A' && bytes[0] <= 'Z'; }

}  // namespace wskit::server
