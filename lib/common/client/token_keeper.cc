#include "common/client/token_keeper.h"

#include <fmt/core.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

namespace wskit::client {
namespace {

using nlohmann::json;

// A new token is taken after two looks that found the same.
constexpr std::chrono::milliseconds kLookInterval{500};

constexpr std::string_view kId = "wskit-auth";

std::string message_of(const json& error) {
  const json::json_pointer place("/data/message");
  if (!error.contains(place) || !error.at(place).is_string()) return "it does not say why";
  return error.at(place).get<std::string>();
}

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
  const json command = {{"action", "auth"}, {"id", kId}, {"token", shown_}};
  handlers_.send(command.dump());
}

bool TokenKeeper::takes(std::string_view text) {
  if (shown_.empty() || text.find(kId) == std::string_view::npos) return false;
  const json answer = json::parse(text, nullptr, false);
  if (!answer.is_object() || answer.contains("offset")) return false;
  if (!answer.contains("id") || answer["id"] != kId || !answer.contains("type")) return false;
  if (answer["type"] == "authenticated") {
    token_ = std::exchange(shown_, {});
    handlers_.renewed();
  } else if (answer["type"] == "error") {
    shown_.clear();
    handlers_.trouble(
        fmt::format("the server refuses the new token in {}: {}", file_->path(), message_of(answer)));
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
