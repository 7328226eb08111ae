#include "wsserve/broker/producer.h"

#include <mutex>
#include <unordered_map>

#include "common/text_hash.h"

namespace wskit::server {

struct Producers::Names {
  std::mutex mutex;
  // The keys are the producers' own names.
  std::unordered_map<std::string_view, std::weak_ptr<Producer>, TextHash, std::equal_to<>> known;
};

Producers::Producers() : names_(std::make_shared<Names>()) {}

ProducerPtr Producers::find_or_create(std::string_view name) {
  const std::lock_guard lock(names_->mutex);
  const auto found = names_->known.find(name);
  if (found != names_->known.end()) {
    if (ProducerPtr producer = found->second.lock()) return producer;
    // Nobody holds it any more, and whoever was last waits for the mutex.
    names_->known.erase(found);
  }
  const auto forget = [names = std::weak_ptr<Names>(names_)](Producer* last) {
    const std::unique_ptr<Producer> producer(last);
    const std::shared_ptr<Names> still = names.lock();
    if (still == nullptr) return;
    const std::lock_guard still_lock(still->mutex);
    const auto entry = still->known.find(producer->name());
    if (entry != still->known.end() && entry->second.expired()) still->known.erase(entry);
  };
  ProducerPtr producer(new Producer(name), forget);
  names_->known.emplace(producer->name(), producer);
  return producer;
}

std::size_t Producers::size() const {
  const std::lock_guard lock(names_->mutex);
  return names_->known.size();
}

}  // namespace wskit::server
