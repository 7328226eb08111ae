#include "wsserve/transport/transport.h"

#include <poll.h>

namespace wskit::server {

Transport::~Transport() = default;

void Transport::start_tls(const TlsContext& context) {
  tls_ = std::make_unique<tls::Stream>(fd(), context.native(), tls::Stream::Role::kServer);
}

void Transport::give_up_tls() { tls_.reset(); }

bool Transport::has_unread() const {
  pollfd watched{fd(), POLLIN, 0};
  // Where a signal came between, it may have.
  return ::poll(&watched, 1, 0) != 0;
}

bool Transport::shut() {
  if (tls_ != nullptr) {
    tls_->close_notify();
    if (!tls_->push() || !tls_->drained()) return false;
  }
  ::shutdown(fd(), SHUT_WR);
  return true;
}

}  // namespace wskit::server
