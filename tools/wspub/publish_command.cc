#include "wspub/publish_command.h"

#include <fmt/format.h>

#include <cassert>
#include <iterator>

namespace wskit::pub {
namespace {

constexpr std::string_view kArrayBegin = R"("events":[)";
constexpr std::string_view kArrayEnd = "]}";

}  // namespace

void append_event(std::string& out, const protocol::PublishEvent& event) {
  const auto bare = [&out](std::string_view name, std::string_view text) {
    if (!text.empty()) out.append(name).append(text).push_back('"');
  };
  const auto json = [&out](std::string_view name, std::string_view text) {
    if (!text.empty()) out.append(name).append(text);
  };
  bare(R"({"channel":")", event.channel);
  bare(R"(,"type":")", event.type);
  bare(R"(,"timestamp":")", event.timestamp);
  json(R"(,"key":)", event.key);
  json(R"(,"dedup":)", event.dedup);
  json(R"(,"data":)", event.data);
  out.push_back('}');
}

void PublishCommand::start(std::uint64_t id, Reply reply) {
  id_ = id;
  lines_.clear();
  records_.clear();
  first_channel_.clear();
  text_ = R"({"action":"publish",)";
  if (reply == Reply::kWanted) fmt::format_to(std::back_inserter(text_), R"("id":{},)", id);
  array_begin_ = text_.size();
  text_ += kArrayBegin;
}

void PublishCommand::add(const protocol::PublishEvent& event, std::uint64_t number, std::string_view record) {
  if (lines_.empty()) first_channel_ = event.channel;
  separate();
  append_event(text_, event);
  end_line(number, record);
}

void PublishCommand::add_from(const PublishCommand& batch, std::size_t index) {
  assert(batch.is_batch());
  separate();
  text_ += batch.event(index);
  end_line(batch.lines_[index].number, batch.record(index));
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

std::string_view PublishCommand::event(std::size_t index) const {
  const std::size_t begin = index == 0 ? array_begin_ + kArrayBegin.size() : lines_[index - 1].event_end + 1;
  return std::string_view(text_).substr(begin, lines_[index].event_end - begin);
}

}  // namespace wskit::pub
