#include "wspub/publish_command.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <iterator>

#include "common/protocol/command_text.h"

namespace wskit::pub {

using protocol::kChannelBegin;
using protocol::kSequenceBegin;

namespace {

constexpr std::string_view kArrayBegin = R"("events":[)";
constexpr std::string_view kArrayEnd = "]}";

}  // namespace

void PublishCommand::start(std::uint64_t id, Reply reply, std::string_view producer) {
  id_ = id;
  producer_ = producer;
  lines_.clear();
  records_.clear();
  first_channel_.clear();
  text_ = R"({"action":"publish",)";
  if (reply == Reply::kWanted) fmt::format_to(std::back_inserter(text_), R"("id":{},)", id);
  if (!producer.empty()) text_.append(R"("producer":)").append(producer).push_back(',');
  array_begin_ = text_.size();
  text_ += kArrayBegin;
}

void PublishCommand::add(const protocol::PublishEvent& event, std::uint64_t number, std::string_view record) {
  if (lines_.empty()) first_channel_ = event.channel;
  separate();
  protocol::append_publish_event(text_, event);
  end_line(number, record);
}

void PublishCommand::add_from(const PublishCommand& other, std::size_t index) {
  assert(other.producer_ == producer_);
  separate();
  text_ += '{';
  text_ += other.members(index);
  end_line(other.lines_[index].number, other.record(index));
}

void PublishCommand::add_marked(const PublishCommand& other, std::size_t index, std::string_view dedup) {
  assert(producer_.empty() && !other.producer_.empty());
  const std::string_view members = other.members(index);
  const std::size_t begin = members.find(kSequenceBegin);
  const std::size_t end = members.find(',', begin + 1);
  separate();
  text_ += '{';
  text_.append(members.substr(0, begin)).append(R"(,"dedup":)").append(dedup).append(members.substr(end));
  end_line(other.lines_[index].number, other.record(index));
}

void PublishCommand::separate() {
  if (!lines_.empty()) text_.push_back(',');
}

void PublishCommand::end_line(std::uint64_t number, std::string_view record) {
  records_ += record;
  lines_.push_back({number, text_.size(), records_.size()});
}

std::size_t PublishCommand::sealed_size() const {
  return is_batch() ? text_.size() + kArrayEnd.size() : text_.size() - kArrayBegin.size() - 1;
}

void PublishCommand::seal() {
  assert(!lines_.empty());
  if (is_batch()) {
    text_ += kArrayEnd;
  } else {
    // The event's members become the command's: its own brace goes too.
    text_.erase(array_begin_, kArrayBegin.size() + 1);
  }
}

std::string_view PublishCommand::record(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : lines_[index - 1].record_end;
  return std::string_view(records_).substr(begin, lines_[index].record_end - begin);
}

std::string_view PublishCommand::members(std::size_t index) const {
  const std::string_view text = text_;
  if (!is_batch()) return text.substr(array_begin_);
  const std::size_t begin = index == 0 ? array_begin_ + kArrayBegin.size() : lines_[index - 1].event_end + 1;
  return text.substr(begin + 1, lines_[index].event_end - begin - 1);
}

std::string_view PublishCommand::channel(std::size_t index) const {
  const std::string_view rest = members(index).substr(kChannelBegin.size());
  return rest.substr(0, rest.find('"'));
}

std::int64_t PublishCommand::sequence(std::size_t index) const {
  std::int64_t sequence = protocol::kNoSequence;
  if (producer_.empty()) return sequence;
  const std::string_view text = members(index);
  const std::size_t begin = text.find(kSequenceBegin) + kSequenceBegin.size();
  std::from_chars(text.data() + begin, text.data() + text.size(), sequence);
  return sequence;
}

}  // namespace wskit::pub
