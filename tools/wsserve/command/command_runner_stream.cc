// Subscribing for a stream of server-sent events.
#include "common/protocol/channel.h"
#include "wsserve/auth/permissions.h"
#include "wsserve/command/command_host.h"
#include "wsserve/command/command_runner.h"
#include "wsserve/connection/connection.h"
#include "wsserve/connection/logs.h"
#include "wsserve/http/router.h"

namespace wskit::server {

void CommandRunner::open_stream(Connection& connection, const http::EventStreamRequest& request) {
  http::EventStreamRequest allowed = request;
  if (request.options.defaults) {
    std::erase_if(allowed.channels, [&](const auto& name) {
      return !auth::may_subscribe(connection.client().identity(), name);
    });
  }
  // Of none of the defaults, the first one says why.
  if (allowed.channels.empty()) allowed.channels = {request.channels.front()};
  const std::vector<std::string_view> names(allowed.channels.begin(), allowed.channels.end());
  if (const auto error = check(connection, names)) return connection.answer_http(*error);
  const SubscribeRequest subscribed{
      .id = {},
      .names = allowed.channels,
      .terms = {.filter = allowed.options.filter, .pace = allowed.options.pace, .keeps_positions = true}};
  locate(connection, subscribed, allowed.options.since,
         [this, subscribed, stream = allowed](Connection& asking,
                                              const protocol::Result<protocol::Since>& located) {
           if (!located) return asking.answer_http(located.error());
           if (!asking.begin_stream(stream)) return;
           stream_located(asking, subscribed, *located);
         });
}

void CommandRunner::stream_located(Connection& connection, const SubscribeRequest& request,
                                   const protocol::Since& since) {
  const std::vector<protocol::SubscribedChannel> channels = add_all(connection, request, since).channels;
  for (const protocol::SubscribedChannel& entry : channels) {
    // What is replayed is still to come.
    if (entry.offset) connection.begin_position(entry.channel, entry.epoch, *entry.offset - entry.replayed);
  }
  logs::subscribe(host_, connection.client(), channels);
  const TypeFilterPtr& filter = request.terms.filter;
  text_.clear();
  protocol::append_subscribed(text_, {}, host_.clock.timestamp(), channels,
                              filter == nullptr ? std::vector<std::string>() : filter->types());
  connection.send_text(text_);
  tell_gaps(connection, channels);
  connection.positions_are_known();
  connection.catch_up();
}

void CommandRunner::tell_gaps(Connection& connection,
                              const std::vector<protocol::SubscribedChannel>& channels) {
  const auto tell = [&](const protocol::SubscribedGap& gap) {
    std::string data = R"({"channel":)";
    protocol::append_json_string(data, gap.channel);
    data += R"(,"offset":)" + std::to_string(gap.offset) + R"(,"epoch":")" + std::string(gap.epoch) +
            R"(","oldest":)" + std::to_string(gap.oldest) + "}";
    text_.clear();
    protocol::append_control(text_, "gap", {}, host_.clock.timestamp(), data);
    connection.send_text(text_);
  };
  for (const protocol::SubscribedChannel& entry : channels) {
    if (entry.oldest) tell({entry.channel, *entry.offset, entry.epoch, *entry.oldest});
    for (const protocol::SubscribedGap& gap : entry.gaps) tell(gap);
  }
}

}  // namespace wskit::server
