#include "wspub/window.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace wskit::pub {
namespace {

// Commands kept for their memory; what is longer than usual is given back.
constexpr std::size_t kMaxSpare = 64;
constexpr std::size_t kMaxSpareBytes = std::size_t{256} << 10;

}  // namespace

bool Window::has_room(std::size_t lines, std::size_t bytes) const {
  if (entries_.empty() && lines <= 1) return true;
  return lines_ + lines <= limits_.lines && bytes_ + bytes <= limits_.bytes;
}

Window::CommandPtr Window::acquire() {
  if (spare_.empty()) return std::make_unique<PublishCommand>();
  CommandPtr command = std::move(spare_.back());
  spare_.pop_back();
  return command;
}

void Window::recycle(CommandPtr command) {
  if (spare_.size() < kMaxSpare && command->text().capacity() <= kMaxSpareBytes) {
    spare_.push_back(std::move(command));
  }
}

void Window::push(CommandPtr command) {
  lines_ += command->size();
  bytes_ += command->text().size();
  Entry entry;
  entry.command = std::move(command);
  entries_.push_back(std::move(entry));
}

// Answers come in the order of the commands, so that the first look is a hit.
Window::Entries::iterator Window::find(std::uint64_t id) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [id](const Entry& entry) { return entry.on_the_way && entry.command->id() == id; });
}

Window::CommandPtr Window::remove(Entries::iterator entry) {
  CommandPtr command = std::move(entry->command);
  if (entry->on_the_way) --on_the_way_;
  lines_ -= command->size();
  bytes_ -= command->text().size();
  entries_.erase(entry);
  return command;
}

const PublishCommand* Window::awaiting(std::uint64_t id) {
  const auto entry = find(id);
  return entry == entries_.end() ? nullptr : entry->command.get();
}

bool Window::is_in_doubt(std::uint64_t id) {
  const auto entry = find(id);
  assert(entry != entries_.end());
  return entry->in_doubt;
}

void Window::rewrite(const std::function<CommandPtr(const PublishCommand&)>& replace) {
  assert(on_the_way_ == 0);
  for (Entry& entry : entries_) {
    CommandPtr replacement = replace(*entry.command);
    if (!replacement) continue;
    bytes_ -= entry.command->text().size();
    bytes_ += replacement->text().size();
    recycle(std::exchange(entry.command, std::move(replacement)));
  }
}

Window::CommandPtr Window::take(std::uint64_t id) {
  const auto entry = find(id);
  assert(entry != entries_.end());
  return remove(entry);
}

Window::CommandPtr Window::replace(std::uint64_t id, std::vector<CommandPtr> parts) {
  const auto entry = find(id);
  assert(entry != entries_.end());
  const auto index = entry - entries_.begin();
  const bool in_doubt = entry->in_doubt;
  CommandPtr refused = remove(entry);
  std::vector<Entry> replacements;
  for (CommandPtr& part : parts) {
    lines_ += part->size();
    bytes_ += part->text().size();
    Entry replacement;
    replacement.command = std::move(part);
    replacement.in_doubt = in_doubt;
    replacements.push_back(std::move(replacement));
  }
  entries_.insert(entries_.begin() + index, std::make_move_iterator(replacements.begin()),
                  std::make_move_iterator(replacements.end()));
  return refused;
}

void Window::put_back(std::uint64_t id) {
  const auto entry = find(id);
  assert(entry != entries_.end());
  entry->on_the_way = false;
  --on_the_way_;
}

void Window::connection_lost() {
  for (Entry& entry : entries_) {
    if (std::exchange(entry.on_the_way, false)) entry.in_doubt = true;
  }
  on_the_way_ = 0;
}

void Window::send_pending(Clock::time_point now, std::size_t limit,
                          const std::function<void(const PublishCommand&)>& send) {
  if (!has_pending()) return;
  for (Entry& entry : entries_) {
    if (on_the_way_ >= limit) return;
    if (entry.on_the_way) continue;
    entry.on_the_way = true;
    entry.sent_at = now;
    ++on_the_way_;
    send(*entry.command);
  }
}

std::size_t Window::lines_unpublished() const {
  std::size_t lines = 0;
  for (const Entry& entry : entries_) {
    if (entry.is_unpublished()) lines += entry.command->size();
  }
  return lines;
}

std::optional<Window::Clock::time_point> Window::oldest_sent() const {
  std::optional<Clock::time_point> oldest;
  for (const Entry& entry : entries_) {
    if (entry.on_the_way && (!oldest || entry.sent_at < *oldest)) oldest = entry.sent_at;
  }
  return oldest;
}

}  // namespace wskit::pub
