#include "wspub/journal.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

namespace wskit::pub {

std::string Journal::open(const std::string& path, Separator separator, std::string producer) {
  entry_.producer = std::move(producer);
  entry_.separator = separator;
  if (std::string error = file_.open(path, entry_); !error.empty()) return error;
  if (entry_.separator != separator) {
    return fmt::format(
        "the journal {} was begun with another separator of records (-0, --whole); give the same, or another "
        "journal",
        path);
  }
  done_before_ = entry_.mark;
  before_ = entry_.before;
  inode_ = entry_.inode;
  writer_.emplace(io_, file_, entry_, moved_);
  return "";
}

Journal::Seen Journal::see(const LineSource::Item& item) {
  if (!other_.empty()) return Seen::kOther;
  assert(item.number > before_);
  const std::uint64_t number = item.number - before_;
  if (item.kind == LineSource::Kind::kRecord && number == meter_.mark().records) return Seen::kNew;
  const bool begins = item.kind != LineSource::Kind::kRest;
  const bool is_new = number > done_before_.records;
  if (begins && is_new) open_.push_back({.before = before_, .inode = inode_});
  meter_.add(item.text);
  if (!item.last) return is_new ? Seen::kNew : Seen::kDone;
  meter_.end_record();
  if (is_new) {
    open_.back().after = meter_.mark();
    open_.back().read = true;
    return Seen::kNew;
  }
  if (number < done_before_.records || meter_.mark() == done_before_) return Seen::kDone;
  other_ = other_input("differ from those that were published");
  return Seen::kOther;
}

void Journal::begin_anew() {
  before_ = entry_.records();
  done_before_ = {};
}

void Journal::begin_file(std::uint64_t inode) {
  inode_ = inode;
  if (!std::exchange(within_file_, true)) return;
  if (!see_end().empty()) return;
  before_ += meter_.mark().records;
  meter_ = {};
  done_before_ = {};
}

std::string Journal::see_end() {
  if (other_.empty() && meter_.mark().records < done_before_.records) {
    other_ = other_input(fmt::format("are not there; it ends after {}", meter_.mark().records));
  }
  return other_;
}

std::string Journal::other_input(const std::string& how) const {
  return fmt::format(
      "this is not the input of the journal {}: its first {} records {}; give the same input, or another "
      "journal for this one",
      file_.path(), done_before_.records, how);
}

void Journal::settle(std::uint64_t number) {
  assert(number > entry_.records());
  const std::uint64_t index = number - entry_.records() - 1;
  assert(index < open_.size());
  open_[index].settled = true;
}

void Journal::commit() {
  if (frozen_) return;
  while (!open_.empty() && open_.front().read && open_.front().settled) {
    const Open& done = open_.front();
    entry_.before = done.before;
    entry_.inode = done.inode;
    entry_.mark = done.after;
    open_.pop_front();
  }
  writer_->write(entry_);
}

bool Journal::has_room() const { return entry_.records() - writer_->state().records_on_disk < kMaxAhead; }

std::string Journal::error() const { return other_.empty() ? writer_->state().error : other_; }

std::string Journal::finish() {
  if (!writer_) return "";
  commit();
  writer_->finish();
  return writer_->state().error;
}

}  // namespace wskit::pub
