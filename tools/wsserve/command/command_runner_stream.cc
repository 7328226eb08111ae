// Subscribing for a stream of server-sent events.
#include "common/protocol/channel.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/exchange.h"
#include "wsserve/connection/logs.h"
#include "wsserve/connection/peer.h"
#include "wsserve/http/router.h"

namespace wskit::server {

void CommandRunner::open_stream(Exchange& exchange, const http::EventStreamRequest& request) {
  http::EventStreamRequest allowed = request;
  if (request.options.defaults) {
    std::erase_if(allowed.channels,
                  [&](const auto& name) { return !auth::may_subscribe(exchange.client().identity(), name); });
  }
  // Of none of the defaults, the first one says why.
  if (allowed.channels.empty()) allowed.channels = {request.channels.front()};
  const std::vector<std::string_view> names(allowed.channels.begin(), allowed.channels.end());
  if (const auto error = check(Asker(exchange), names)) return exchange.answer(*error);
  const SubscribeRequest subscribed{
      .id = {},
      .names = allowed.channels,
      .terms = {.filter = allowed.options.filter, .pace = allowed.options.pace, .keeps_positions = true}};
  locate(Asker(exchange), subscribed, allowed.options.since,
         [this, &exchange, subscribed, stream = allowed](const protocol::Result<protocol::Since>& located) {
           if (!located) return exchange.answer(located.error());
           if (Peer* peer = exchange.begin_stream(stream)) stream_located(*peer, subscribed, *located);
         });
}

void CommandRunner::stream_located(Peer& peer, const SubscribeRequest& request,
                                   const protocol::Since& since) {
  const std::vector<protocol::SubscribedChannel> channels = add_all(peer, request, since).channels;
  for (const protocol::SubscribedChannel& entry : channels) {
    // What is replayed is still to come.
    if (entry.offset) peer.begin_position(entry.channel, entry.epoch, *entry.offset - entry.replayed);
  }
  logs::subscribe(host_, peer.client(), channels);
  const TypeFilterPtr& filter = request.terms.filter;
  protocol::Subscribed subscribed{.channels = channels, .event_types = {}};
  if (filter != nullptr) subscribed.event_types.assign(filter->types().begin(), filter->types().end());
  reply(peer, {}, subscribed);
  tell_gaps(peer, channels);
  peer.positions_are_known();
  peer.recover();
}

void CommandRunner::tell_gaps(Peer& peer, const std::vector<protocol::SubscribedChannel>& channels) {
  const auto tell = [&](const protocol::SubscribedGap& gap) {
    reply(peer, {},
          protocol::Gap{
              .channel = gap.channel, .offset = gap.offset, .epoch = gap.epoch, .oldest = gap.oldest});
  };
  for (const protocol::SubscribedChannel& entry : channels) {
    if (entry.oldest) tell({entry.channel, *entry.offset, entry.epoch, *entry.oldest});
    for (const protocol::SubscribedGap& gap : entry.gaps) tell(gap);
  }
}

}  // namespace wskit::server
