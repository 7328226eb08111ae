#include "wsserve/cluster/local_bus.h"

#include <memory>
#include <mutex>
#include <utility>

#include "wsserve/frame/event_frame.h"

namespace wskit::server::cluster {
namespace {

// The answers to one question while they come in.
class Gathering {
 public:
  Gathering(Question question, std::size_t members, std::function<void(Answers)> then)
      : question_(std::move(question)), then_(std::move(then)), left_(members) {
    answers_.by_member.resize(members);
  }

  [[nodiscard]] const Question& question() const { return question_; }

  // Takes the answer of one member; the last one ends the survey.
  void take(std::size_t member, std::optional<Answer> answer) {
    {
      const std::lock_guard lock(mutex_);
      if (answer) {
        answers_.by_member[member] = *std::move(answer);
      } else {
        ++answers_.failed;
      }
      if (--left_ > 0) return;
    }
    then_(std::move(answers_));
  }

 private:
  const Question question_;
  const std::function<void(Answers)> then_;
  std::mutex mutex_;
  // Guarded by mutex_.
  Answers answers_;
  std::size_t left_;  // members that have not answered
};

ChunkPtr frame_of(const Announce& order) {
  protocol::EventView event;
  event.type = order.type;
  event.channel = order.channel;
  event.offset = order.offset;
  event.timestamp = order.timestamp;
  event.key = order.key;
  event.data = order.data;
  return build_event_frame(event);
}

}  // namespace

void LocalBus::tell(const Order& order) {
  if (const auto* announcement = std::get_if<Announce>(&order)) return announce(*announcement);
  reload_presence(std::get<ReloadPresence>(order));
}

void LocalBus::announce(const Announce& order) {
  const ChunkPtr frame = frame_of(order);
  if (order.to) {
    Member* home = members_.at(order.to->shard);
    return home->post([home, number = order.to->number, channel = order.channel, frame] {
      home->announce_to(number, channel, frame);
    });
  }
  for (Member* each : members_) {
    each->post([each, channel = order.channel, frame] { each->announce_to_all(channel, frame); });
  }
}

void LocalBus::reload_presence(const ReloadPresence& order) {
  const auto shared = std::make_shared<const ReloadPresence>(order);
  for (Member* each : members_) {
    each->post([each, shared] { each->reload_presence(*shared); });
  }
}

void LocalBus::survey(const Question& question, std::function<void(Answers)> then) {
  const auto gathering = std::make_shared<Gathering>(question, members_.size(), std::move(then));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member* each = members_[i];
    each->post([gathering, each, i] { gathering->take(i, each->answer(gathering->question())); });
  }
}

}  // namespace wskit::server::cluster
