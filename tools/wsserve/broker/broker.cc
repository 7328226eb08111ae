#include "wsserve/broker/broker.h"

#include "common/protocol/channel.h"

namespace wskit::server::broker {

Log::~Log() = default;

Broker::~Broker() = default;

bool Broker::keeps(std::string_view channel, bool durable) const {
  return durable_ && durable && !protocol::is_server_channel(channel);
}

}  // namespace wskit::server::broker
