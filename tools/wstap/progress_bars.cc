#include "wstap/progress_bars.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/cli/text_width.h"

namespace wskit::tap {
namespace {

constexpr std::size_t kBarColumns = 24;
constexpr std::size_t kChannelColumns = 24;

std::string bar_of(double fraction) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(kBarColumns));
  std::string bar;
  for (std::size_t i = 0; i < kBarColumns; ++i) bar += i < full ? "█" : "░";
  return bar;
}

}  // namespace

void ProgressBars::append_line(const Bar& bar, std::string& out, std::size_t width) const {
  const std::string line =
      fmt::format("{} {} {:3.0f}% {}", cli::fit(cli::printable(bar.channel), kChannelColumns),
                  paint(bar_of(bar.progress.fraction), Tone::kGood, colored_), bar.progress.fraction * 100,
                  bar.progress.text);
  out += cli::clip(line, width);
  out += '\n';
}

void ProgressBars::erase(std::string& out) {
  if (shown_ == 0) return;
  out += fmt::format("\x1b[{}A\r\x1b[J", shown_);
  shown_ = 0;
}

void ProgressBars::draw(std::string& out, std::size_t width) {
  if (shown_ > 0) return;
  for (const Bar& bar : bars_) append_line(bar, out, width);
  shown_ = bars_.size();
}

void ProgressBars::update(std::string_view channel, const Progress& progress, std::string& out,
                          std::size_t width) {
  const auto found =
      std::find_if(bars_.begin(), bars_.end(), [&](const Bar& bar) { return bar.channel == channel; });
  if (found != bars_.end()) {
    found->progress = progress;
  } else {
    if (bars_.size() == most_) {
      const std::string oldest = bars_.front().channel;
      finish(oldest, out, width);
    }
    bars_.push_back({std::string(channel), progress});
  }
  if (progress.fraction >= 1) finish(channel, out, width);
}

void ProgressBars::finish(std::string_view channel, std::string& out, std::size_t width) {
  const auto found =
      std::find_if(bars_.begin(), bars_.end(), [&](const Bar& bar) { return bar.channel == channel; });
  if (found == bars_.end()) return;
  append_line(*found, out, width);
  bars_.erase(found);
}

}  // namespace wskit::tap
