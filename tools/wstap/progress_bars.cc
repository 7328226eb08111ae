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
  const bool unicode = cli::takes_unicode();
  for (std::size_t i = 0; i < kBarColumns; ++i) {
    bar += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  }
  return bar;
}

}  // namespace

std::string ProgressBars::line_of(const Bar& bar, std::size_t width) const {
  const std::string line =
      fmt::format("{} {} {:3.0f}% {}", cli::fit_end(cli::printable(bar.channel), kChannelColumns),
                  paint(bar_of(bar.progress.fraction), Tone::kGood, colored_), bar.progress.fraction * 100,
                  bar.progress.text);
  return cli::clip(line, width);
}

void ProgressBars::erase(std::string& out) {
  if (shown_ == 0) return;
  if (bars_shown_ == Bars::kAll) {
    out += fmt::format("\x1b[{}A\r\x1b[J", shown_);
  } else {
    out += fmt::format("\r{:{}}\r", "", shown_columns_);
  }
  shown_ = 0;
}

void ProgressBars::draw(std::string& out, std::size_t width) {
  if (shown_ > 0) return;
  if (bars_.empty()) return;
  if (bars_shown_ == Bars::kAll) {
    for (const Bar& bar : bars_) out += line_of(bar, width) + '\n';
    shown_ = bars_.size();
    return;
  }
  const auto newest = std::ranges::find(bars_, newest_, &Bar::channel);
  // One column less: in the last one a terminal may begin a new line.
  const std::string line = line_of(newest != bars_.end() ? *newest : bars_.back(), width - 1);
  out += line;
  shown_columns_ = cli::columns(line);
  shown_ = 1;
}

void ProgressBars::leave(std::string& out, std::size_t width) {
  draw(out, width);
  if (shown_ > 0 && bars_shown_ == Bars::kOne) out += '\n';
}

void ProgressBars::update(std::string_view channel, const Progress& progress, std::string& out,
                          std::size_t width) {
  newest_ = channel;
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
  out += line_of(*found, width) + '\n';
  bars_.erase(found);
}

}  // namespace wskit::tap
