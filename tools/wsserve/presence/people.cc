#include "wsserve/presence/people.h"

#include <utility>

namespace wskit::server::people {

Seat::Seat(People& people, std::string user) : people_(people), user_(std::move(user)) {
  const std::lock_guard lock(people_.mutex_);
  ++people_.connections_[user_];
}

Seat::~Seat() {
  const std::lock_guard lock(people_.mutex_);
  const auto found = people_.connections_.find(user_);
  if (--found->second == 0) people_.connections_.erase(found);
}

void People::enter(std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  websockets_.insert(connection);
}

void People::leave(std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  websockets_.erase(connection);
}

bool People::is_here(std::uint64_t connection) const {
  const std::lock_guard lock(mutex_);
  return websockets_.contains(connection);
}

SeatPtr People::seat(const std::string& user) {
  return user.empty() ? nullptr : std::make_unique<Seat>(*this, user);
}

std::size_t People::users() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

std::size_t People::connections_of(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(user);
  return found == connections_.end() ? 0 : found->second;
}

std::map<std::string, std::size_t, std::less<>> People::connections_by_user() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

}  // namespace wskit::server::people
