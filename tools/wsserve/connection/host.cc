#include "wsserve/connection/host.h"

#include "wsserve/connection/connection.h"
#include "wsserve/log/incidents.h"

namespace wskit::server {

void Host::caught(const char* where) noexcept {
  if (!server.incidents().caught(where) || shed == now) return;
  shed = now;
  // What everybody can do without goes first.
  try {
    hub.shed_histories();
  } catch (...) {
    server.incidents().caught("giving up histories");
  }
}

void Host::failed(Connection& connection, const char* where) noexcept {
  caught(where);
  connection.fail();
}

}  // namespace wskit::server
