#include "common/cli/channel_names.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "common/client/client.h"
#include "common/protocol/command_text.h"
#include "common/protocol/reply_decoder.h"

namespace wskit::cli {
namespace {

// What a shell would not take as it is, or a terminal would obey.
bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alphanumeric || std::string_view("/._-@:+,%=").find(c) != std::string_view::npos;
  });
}

constexpr std::string_view kAskId = "1";

// Asks once, and ends with the answer.
class Asker final : public client::ClientHandler {
 public:
  Asker(boost::asio::io_context& io, std::string pattern) : io_(io), pattern_(std::move(pattern)) {}

  void ask(client::Client& client) { client_ = &client; }

  void on_open() override {
    protocol::Command command;
    command.action = protocol::Action::kSubscribe;
    command.id = kAskId;
    command.channels = {pattern_};
    command.matched = true;
    std::string text;
    protocol::append_command(text, command);
    client_->send(text);
  }
  void on_message(std::string_view text) override {
    const protocol::DecodedReply& reply = decoder_.decode(text);
    if (reply.id != kAskId) return;
    if (const auto* subscribed = reply.as<protocol::Subscribed>()) read(*subscribed);
    io_.stop();
  }
  void on_disconnect(const client::Failure&, std::chrono::nanoseconds, bool) override { io_.stop(); }
  void on_end(const client::Failure&) override { io_.stop(); }

  std::vector<std::string> names;

 private:
  void read(const protocol::Subscribed& subscribed) {
    for (const protocol::SubscribedChannel& entry : subscribed.channels) {
      if (!entry.matched) continue;
      for (const protocol::SubscribedMatch& match : *entry.matched) names.emplace_back(match.channel);
    }
  }

  boost::asio::io_context& io_;
  std::string pattern_;
  client::Client* client_ = nullptr;
  protocol::ReplyDecoder decoder_;
};

}  // namespace

std::vector<std::string> channel_names(const ConnectOptions& options, std::string_view prefix,
                                       std::chrono::nanoseconds limit) {
  auto settings = client_options(options);
  if (!settings) return {};
  settings->reconnect.enabled = false;
  settings->connect_timeout = limit;
  settings->token_file.clear();
  boost::asio::io_context io(1);
  const std::string folder(prefix.substr(0, prefix.rfind('/') + 1));
  Asker asker(io, folder + "**");
  client::Client client(io, *std::move(settings), asker);
  asker.ask(client);
  client.start();
  io.run_for(limit);
  std::vector<std::string> names = std::move(asker.names);
  std::erase_if(names,
                [prefix](const std::string& name) { return !name.starts_with(prefix) || !is_plain(name); });
  std::ranges::sort(names);
  return names;
}

}  // namespace wskit::cli
