#include "wspub/backlog.h"

#include <algorithm>
#include <utility>

#include "common/text.h"

namespace wskit::pub {
namespace {

using Kind = LineSource::Kind;

bool begins_record(Kind kind) { return kind == Kind::kRecord || kind == Kind::kTooLong; }

}  // namespace

Backlog::Backlog(LineSource& source, BacklogOptions options, const SourceOptions& records)
    : source_(source),
      options_(std::move(options)),
      format_(record_format(records.separator, options_.input)) {
  if (options_.on_full != OnFull::kSpill) return;
  spill_ = std::make_unique<SpillFile>(options_.spill_file, records.separator, options_.input,
                                       records.max_line_bytes);
}

std::string Backlog::open() { return spill_ ? spill_->open() : ""; }

bool Backlog::empty() const {
  const bool spilled = spill_ && (!spill_->empty() || within_spilled_);
  return !put_back_ && held_.empty() && !spilled && !source_ended_;
}

Backlog::Item Backlog::next() {
  last_from_ = empty() ? From::kSource : From::kHere;
  if (last_from_ == From::kSource) {
    const Item item = source_.next();
    if (item.number != 0) last_number_ = item.number;
    return item;
  }
  if (put_back_) return *std::exchange(put_back_, std::nullopt);
  if (!held_.empty()) {
    current_ = std::move(held_.front());
    held_.pop_front();
    forget(current_);
    last_number_ = current_.number;
    return {.kind = current_.kind, .text = current_.text, .number = current_.number, .last = current_.last};
  }
  if (spill_ && (!spill_->empty() || within_spilled_)) return next_spilled();
  return {.kind = *source_ended_};
}

Backlog::Item Backlog::next_spilled() {
  const RecordSplitter::Item item = spill_->next();
  switch (item.kind) {
    case RecordSplitter::Kind::kNeedMore:
      unreadable_ = true;
      return {.kind = Kind::kFailed};
    case RecordSplitter::Kind::kRest:
      within_spilled_ = !item.last;
      return {.kind = Kind::kRest, .text = item.text, .number = last_number_, .last = item.last};
    case RecordSplitter::Kind::kTooLong:
      within_spilled_ = !item.last;
      return {.kind = Kind::kTooLong, .text = item.text, .number = ++last_number_, .last = item.last};
    case RecordSplitter::Kind::kRecord:
      break;
  }
  if (!is_line(Kind::kRecord, item.text)) --spilled_blanks_;
  return {.kind = Kind::kRecord, .text = item.text, .number = ++last_number_};
}

std::string_view Backlog::error() const {
  return unreadable_ ? std::string_view(spill_->error()) : std::string_view(source_.error());
}

void Backlog::put_back(const Item& item) {
  if (last_from_ == From::kSource) return source_.put_back(item);
  put_back_ = item;
}

// --- reading ahead

Backlog::Ahead Backlog::read_ahead() {
  if (spill_ && !spill_->error().empty()) spill_->recover();
  if (source_ended_ || !source_.has_writer() || must_block()) return Ahead::kStopped;
  const Item item = source_.next();
  switch (item.kind) {
    case Kind::kWait:
      return Ahead::kWait;
    case Kind::kEnd:
    case Kind::kFailed:
      source_ended_ = item.kind;
      if (must_read_on()) spill_->append("", true);
      within_record_ = false;
      return Ahead::kRead;
    default:
      hold(item);
      return Ahead::kRead;
  }
}

void Backlog::flush() {
  if (spill_ && spill_->error().empty()) spill_->flush();
}

bool Backlog::must_block() const {
  switch (options_.on_full) {
    case OnFull::kBlock:
      return is_full();
    case OnFull::kDropOldest:
      return false;
    case OnFull::kSpill:
      // A record goes on where it began.
      if (within_record_) return !to_spill_ && bytes_ >= kMaxBytes;
      return !spill_->error().empty();
  }
  return true;
}

void Backlog::hold(const Item& item) {
  if (begins_record(item.kind)) {
    within_dropped_ = false;
    to_spill_ = spill_ && (!spill_->empty() || is_full());
  }
  within_record_ = !item.last;
  if (within_dropped_) return;
  if (to_spill_) {
    if (item.kind == Kind::kRecord && !is_line(item.kind, item.text)) ++spilled_blanks_;
    return spill_->append(item.text, item.last);
  }
  held_.push_back({item.kind, std::string(item.text), item.number, item.last});
  if (begins_record(item.kind)) ++lines_;
  bytes_ += item.text.size();
  if (options_.on_full == OnFull::kDropOldest) keep_within_bounds();
}

void Backlog::keep_within_bounds() {
  while (lines_ > options_.lines || (bytes_ > kMaxBytes && lines_ > 1)) {
    if (!drop_oldest()) return;
  }
}

// Not the rest of a record whose beginning has been handed out.
bool Backlog::drop_oldest() {
  const auto begins = [](const Held& held) { return begins_record(held.kind); };
  const auto first = std::find_if(held_.begin(), held_.end(), begins);
  if (first == held_.end()) return false;
  const auto next = std::find_if(std::next(first), held_.end(), begins);
  if (is_line(first->kind, first->text)) ++dropped_;
  for (auto held = first; held != next; ++held) forget(*held);
  if (next == held_.end()) within_dropped_ = within_record_;
  held_.erase(first, next);
  return true;
}

void Backlog::forget(const Held& held) {
  if (begins_record(held.kind)) --lines_;
  bytes_ -= held.text.size();
}

// --- what is here

bool Backlog::is_line(Kind kind, std::string_view text) const {
  if (kind == Kind::kTooLong) return true;
  if (kind != Kind::kRecord) return false;
  return options_.input == InputKind::kText || text.find_first_not_of(kWhiteSpace) != std::string_view::npos;
}

std::uint64_t Backlog::lines() const {
  const std::uint64_t put_back = put_back_ && begins_record(put_back_->kind) ? 1 : 0;
  return put_back + lines_ + (spill_ ? spill_->records() - spilled_blanks_ : 0);
}

std::string_view Backlog::spill_error() const {
  return spill_ ? std::string_view(spill_->error()) : std::string_view();
}

Backlog::Rest Backlog::finish(const std::deque<std::string>& before) {
  Rest rest;
  std::uint64_t here = 0;
  std::string front;
  const auto keep = [&](Kind kind, std::string_view text, bool last) {
    if (is_line(kind, text)) ++here;
    if (!spill_) return;
    format_.append(front, text);
    if (last) front += format_.separator;
  };
  for (const std::string& record : before) keep(Kind::kRecord, record, true);
  if (put_back_) keep(put_back_->kind, put_back_->text, put_back_->last);
  for (const Held& held : held_) keep(held.kind, held.text, held.last);
  if (!spill_) {
    rest.lost = here + source_.abandon();
    return rest;
  }
  here += spill_->records() - spilled_blanks_;
  if (source_.has_writer() && !source_ended_) here += spill_source();
  rest.kept = here;
  rest.error = spill_->finish(front);
  if (!rest.error.empty()) rest.lost = std::exchange(rest.kept, 0);
  rest.lost += source_.abandon();
  return rest;
}

// What the source has read and not handed out.
std::uint64_t Backlog::spill_source() {
  std::uint64_t lines = 0;
  source_.stop_reading();
  for (Item item = source_.next(); item.number != 0; item = source_.next()) {
    spill_->append(item.text, item.last);
    if (is_line(item.kind, item.text)) ++lines;
  }
  return lines;
}

}  // namespace wskit::pub
