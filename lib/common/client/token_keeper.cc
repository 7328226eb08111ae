#include "common/client/token_keeper.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "common/protocol/command_text.h"
#include "common/protocol/reply_decoder.h"

namespace wskit::client {
namespace {

// A new token is taken after two looks that found the same.
constexpr std::chrono::milliseconds kLookInterval{500};

constexpr std::string_view kId = R"("wskit-auth")";

}  // namespace

TokenKeeper::TokenKeeper(boost::asio::io_context& io, std::string& token, const std::string& path,
                         Handlers handlers)
    : token_(token), handlers_(std::move(handlers)), timer_(io) {
  if (!path.empty()) file_.emplace(path);
}

void TokenKeeper::refresh() {
  if (!file_) return;
  // Where it cannot be read, the last one may still be good.
  if (auto token = file_->read()) token_ = std::move(*token);
}

void TokenKeeper::open() {
  open_ = true;
  if (file_) watch();
}

void TokenKeeper::close() {
  open_ = false;
  timer_.cancel();
  shown_.clear();
}

void TokenKeeper::watch() {
  timer_.expires_after(kLookInterval);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || !self->open_) return;
    if (self->shown_.empty() && self->file_->has_settled_anew()) self->show();
    self->watch();
  });
}

void TokenKeeper::show() {
  auto token = file_->read();
  if (!token) return handlers_.trouble(fmt::format("no new token: {}", token.error().message));
  if (*token == token_) return;
  shown_ = std::move(*token);
  protocol::Command command;
  command.action = protocol::Action::kAuth;
  command.id = kId;
  command.token = shown_;
  std::string text;
  protocol::append_command(text, command);
  handlers_.send(text);
}

bool TokenKeeper::takes(std::string_view text) {
  if (shown_.empty() || text.find(kId) == std::string_view::npos) return false;
  protocol::ReplyDecoder decoder;
  const protocol::DecodedReply& answer = decoder.decode(text);
  if (answer.id != kId) return false;
  if (answer.as<protocol::Authenticated>() != nullptr) {
    token_ = std::exchange(shown_, {});
    handlers_.renewed();
  } else if (const auto* refused = answer.as<protocol::Refused>()) {
    shown_.clear();
    const std::string_view why = refused->message.empty() ? "it does not say why" : refused->message;
    handlers_.trouble(fmt::format("the server refuses the new token in {}: {}", file_->path(), why));
  } else {
    return false;
  }
  return true;
}

bool TokenKeeper::has_another() {
  if (!file_) return false;
  const auto token = file_->read();
  return token && *token != token_;
}

}  // namespace wskit::client
