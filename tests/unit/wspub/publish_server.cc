#include "publish_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/protocol/command_text.h"
#include "common/protocol/reply.h"

namespace wskit::pub {
namespace {

using testing::FakePeer;

constexpr std::string_view kTime = "2026-11-20T10:00:00.000000Z";

}  // namespace

PublishServer::PublishServer(boost::asio::io_context& io) : server_(io) {
  server_.on_open = [this](FakePeer& peer) {
    std::string greeting;
    protocol::append_reply(greeting, {}, kTime,
                           protocol::Connected{.connection = "c1",
                                               .user = "",
                                               .server = "fake",
                                               .node = "n1",
                                               .heartbeat_seconds = 30,
                                               .max_message_bytes = max_message_bytes,
                                               .channels = {default_channels.begin(), default_channels.end()},
                                               .features = {features.begin(), features.end()}});
    peer.send(greeting);
  };
  server_.on_message = [this](FakePeer& peer, const std::string& text) { on_message(peer, text); };
}

const std::vector<std::string>& PublishServer::events(const std::string& channel) const {
  static const std::vector<std::string> none;
  const auto found = channels_.find(channel);
  return found == channels_.end() ? none : found->second;
}

void PublishServer::forget_events() {
  channels_.clear();
  seen_.clear();
}

void PublishServer::answer_now() {
  for (const std::string& answer : std::exchange(held_back_, {})) server_.last().send(answer);
}

void PublishServer::on_message(FakePeer& peer, const std::string& text) {
  if (peer.gone()) return;  // what was still on its way when the connection was cut
  commands_.push_back(text);
  const auto parsed = parser_.parse(text);
  ASSERT_TRUE(parsed) << parsed.error().error.message << " in " << text;
  if ((*parsed)->action == protocol::Action::kPublish) publish(peer, **parsed);
}

void PublishServer::publish(FakePeer& peer, const protocol::Command& command) {
  lines_received_ += command.publish.size();
  const Verdict verdict = judge(command);
  switch (verdict.kind) {
    case Verdict::Kind::kIgnore:
      return;
    case Verdict::Kind::kRefuse: {
      std::string answer;
      protocol::append_reply(answer, command.id, kTime, protocol::refused(verdict.error));
      return peer.send(answer);
    }
    case Verdict::Kind::kCutBefore:
    case Verdict::Kind::kCutAfter:
      if (verdict.kind == Verdict::Kind::kCutAfter) std::ignore = apply(command, false);
      ++cuts_;
      return peer.cut();
    default:
      break;
  }
  const std::string answer = apply(command, verdict.kind == Verdict::Kind::kMiscount);
  if (command.id.empty()) return;
  if (verdict.kind == Verdict::Kind::kAcceptInSilence) {
    held_back_.push_back(answer);
    return;
  }
  peer.send(answer);
  if (verdict.kind == Verdict::Kind::kAcceptTwice) peer.send(answer);
}

std::string PublishServer::apply(const protocol::Command& command, bool miscount) {
  std::vector<protocol::Published> published;
  for (const protocol::PublishEvent& event : command.publish) {
    std::string dedup(event.dedup);
    if (!command.producer.empty())
      dedup = fmt::format("{} {} {}", command.producer, event.channel, event.sequence);
    const auto found = seen_.find(dedup);
    if (!dedup.empty() && found != seen_.end()) {
      ++duplicates_;
      published.push_back(
          {.channel = event.channel, .offset = found->second.offset, .epoch = "e1", .duplicate = true});
      continue;
    }
    std::vector<std::string>& channel = channels_[std::string(event.channel)];
    protocol::PublishEvent bare = event;
    bare.dedup = {};
    bare.sequence = protocol::kNoSequence;
    std::string json;
    protocol::append_publish_event(json, bare);
    json.erase(1, json.find(R"("type":)") - 1);  // the channel
    channel.push_back(json);
    ++total_events_;
    if (!dedup.empty()) seen_[dedup] = {std::string(event.channel), channel.size()};
    published.push_back(
        {.channel = event.channel, .offset = channel.size(), .epoch = "e1", .duplicate = false});
  }
  if (miscount) published.push_back(published.back());
  std::string answer;
  protocol::append_reply(answer, command.id, kTime,
                         protocol::PublishedAll{.events = published, .batch = command.batch || miscount});
  return answer;
}

}  // namespace wskit::pub
