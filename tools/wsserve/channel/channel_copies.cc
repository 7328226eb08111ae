// Events that are published together with their copies in other channels, by the
// operator's routes.
#include <algorithm>
#include <functional>

#include "wsserve/channel/channel.h"

namespace wskit::server {
namespace {

// Locked in the order of their addresses, so that two who hold some of the same
// ones never wait for each other.
class Locks {
 public:
  explicit Locks(std::vector<std::mutex*> mutexes) {
    std::ranges::sort(mutexes, std::less<>());
    for (std::mutex* mutex : mutexes) locks_.emplace_back(*mutex);
  }

 private:
  std::vector<std::unique_lock<std::mutex>> locks_;
};

}  // namespace

Accepted Channel::publish(const protocol::PublishEvent& event, const ReceiveTime& received,
                          std::span<Channel* const> copies, const ProducerPtr& producer) {
  if (copies.empty()) return publish(event, received, producer);
  std::string key;
  std::vector<broker::Draft> drafts{draft_of(event, received, producer, key)};
  drafts.reserve(1 + copies.size());
  drafts.front().log = log_.get();
  // The keys that the channels' own rules find; the drafts refer to them.
  std::vector<std::string> keys(copies.size());
  std::vector<std::mutex*> mutexes{&mutex_};
  for (std::size_t i = 0; i < copies.size(); ++i) {
    Channel& copy = *copies[i];
    broker::Draft& draft = drafts.emplace_back(drafts.front());
    draft.log = copy.log_.get();
    draft.by = {};
    draft.event.channel = copy.name_;
    if (draft.event.key.empty()) draft.event.key = copy.find_key(event, keys[i]);
    mutexes.push_back(&copy.mutex_);
  }
  const Locks locks(std::move(mutexes));
  used_ = received.at;
  const broker::ReceiptOfAll receipt = home_.broker.append_all(drafts);
  if (receipt.first.refusal == broker::Receipt::Refusal::kApart) return append(drafts.front());
  Accepted accepted = accepted_as(receipt.first);
  accepted.copies = receipt.copies;
  accepted.copies_ticket = receipt.copies_ticket;
  if (accepted.duplicate || accepted.forgotten) return accepted;
  for (Channel* copy : copies) copy->used_ = received.at;
  return accepted;
}

}  // namespace wskit::server
