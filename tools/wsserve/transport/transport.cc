#include "wsserve/transport/transport.h"

#include <poll.h>
#include <unistd.h>

namespace wskit::server {

Transport::~Transport() { ::close(fd_); }

void Transport::start_tls(const TlsContext& context) {
  tls_ = std::make_unique<tls::Stream>(fd_, context.native(), tls::Stream::Role::kServer);
}

void Transport::give_up_tls() { tls_.reset(); }

bool Transport::has_unread() const {
  pollfd watched{fd_, POLLIN, 0};
  // Where a signal came between, it may have.
  return ::poll(&watched, 1, 0) != 0;
}

bool Transport::shut() {
  if (tls_ != nullptr) {
    tls_->close_notify();
    if (!tls_->push() || !tls_->drained()) return false;
  }
  ::shutdown(fd_, SHUT_WR);
  return true;
}

}  // namespace wskit::server
