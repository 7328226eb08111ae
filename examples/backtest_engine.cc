// A small moving-average backtest that prints what happens as JSON lines, one
// event each: an engine as wspub likes it.
//
//   zcat examples/data/eurusd-1h-2017-2018.csv.gz | backtest_engine --run demo | wspub 'backtest/{run}'
//
// Reads hourly candles (Time,Open,High,Low,Close,Volume) from a file or stdin. It
// is long while the fast average is above the slow one and short while it is
// below. The same input gives the same output, byte for byte, but for --pace.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Options {
  std::string path = "-";
  std::string run = "eurusd";
  std::size_t fast = 20;
  std::size_t slow = 50;
  double pace = 0;  // candles a second; 0: as fast as they are read
};

struct Candle {
  std::string time;  // RFC 3339
  double open = 0, high = 0, low = 0, close = 0, volume = 0;
};

struct Position {
  bool is_long = true;
  double entry = 0;
  std::size_t opened_at = 0;  // number of the candle
};

constexpr double kStartCash = 10'000;
constexpr double kQuantity = 10'000;  // EUR bought or sold each time
constexpr std::string_view kSymbol = "EUR-USD";

double parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error("'" + std::string(text) + "' is not a number");
  }
  return value;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

// `2017-04-19 09:00:00,1.0716,…`
Candle parse_candle(std::string_view line) {
  const std::vector<std::string_view> cells = split(line);
  if (cells.size() != 6 || cells[0].size() != 19)
    throw std::runtime_error("not a candle: " + std::string(line));
  Candle candle;
  candle.time = std::string(cells[0]) + "Z";
  candle.time[10] = 'T';
  candle.open = parse_number(cells[1]);
  candle.high = parse_number(cells[2]);
  candle.low = parse_number(cells[3]);
  candle.close = parse_number(cells[4]);
  candle.volume = parse_number(cells[5]);
  return candle;
}

std::vector<Candle> read_candles(std::istream& input) {
  std::vector<Candle> candles;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with("Time,")) continue;
    try {
      candles.push_back(parse_candle(line));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("line " + std::to_string(number) + ": " + error.what());
    }
  }
  return candles;
}

// The mean of the last `length` values; nothing before there are so many.
class MovingAverage {
 public:
  explicit MovingAverage(std::size_t length) : length_(length) {}

  std::optional<double> add(double value) {
    values_.push_back(value);
    sum_ += value;
    if (values_.size() > length_) {
      sum_ -= values_.front();
      values_.pop_front();
    }
    if (values_.size() < length_) return std::nullopt;
    return sum_ / static_cast<double>(length_);
  }

 private:
  std::size_t length_;
  std::deque<double> values_;
  double sum_ = 0;
};

class Engine {
 public:
  Engine(const Options& options, const std::vector<Candle>& candles)
      : options_(options), candles_(candles), fast_(options.fast), slow_(options.slow) {}

  void run() {
    print("session_initialized",
          R"("symbol":"%s","interval":"1h","candles":%zu,"fast":%zu,"slow":%zu,"cash":%.2f,"quantity":%.0f)",
          kSymbol.data(), candles_.size(), options_.fast, options_.slow, kStartCash, kQuantity);
    for (now_ = 0; now_ < candles_.size(); ++now_) {
      if (options_.pace > 0) std::this_thread::sleep_for(std::chrono::duration<double>(1 / options_.pace));
      step(candles_[now_]);
    }
    now_ = candles_.size() - 1;
    if (position_) close_position(candles_[now_], "end of data");
    print_stats(candles_[now_]);
    print("session_completed",
          R"("candles":%zu,"trades":%zu,"wins":%zu,"pnl":%.2f,"equity":%.2f,"max_drawdown":%.2f)",
          candles_.size(), trades_, wins_, realised_, kStartCash + realised_, max_drawdown_);
  }

 private:
  static constexpr std::size_t kStatsEvery = 100;

  void step(const Candle& candle) {
    print("candle", R"("symbol":"%s","open":%.5f,"high":%.5f,"low":%.5f,"close":%.5f,"volume":%.0f)",
          kSymbol.data(), candle.open, candle.high, candle.low, candle.close, candle.volume);
    const auto fast = fast_.add(candle.close);
    const auto slow = slow_.add(candle.close);
    if (fast && slow) decide(candle, *fast, *slow);
    const double equity = kStartCash + realised_ + unrealised(candle);
    peak_ = std::max(peak_, equity);
    max_drawdown_ = std::max(max_drawdown_, peak_ - equity);
    if ((now_ + 1) % kStatsEvery != 0) return;
    print_stats(candle);
    print("progress", R"("done":%zu,"total":%zu,"percent":%.1f)", now_ + 1, candles_.size(),
          100.0 * static_cast<double>(now_ + 1) / static_cast<double>(candles_.size()));
  }

  void decide(const Candle& candle, double fast, double slow) {
    const bool wants_long = fast > slow;
    if (position_ && position_->is_long == wants_long) return;
    print("ai_decision", R"("symbol":"%s","action":"%s","reason":"fast average %.5f %s slow average %.5f")",
          kSymbol.data(), wants_long ? "buy" : "sell", fast, wants_long ? "above" : "not above", slow);
    if (position_) close_position(candle, "averages crossed");
    position_ = Position{wants_long, candle.close, now_};
    print("position_opened", R"("symbol":"%s","side":"%s","price":%.5f,"quantity":%.0f)", kSymbol.data(),
          wants_long ? "long" : "short", candle.close, kQuantity);
  }

  void close_position(const Candle& candle, const char* reason) {
    // Rounded as it is printed, so that the printed trades add up to the result.
    const double pnl = std::stod(format("%.2f", unrealised(candle)));
    realised_ += pnl;
    ++trades_;
    if (pnl > 0) ++wins_;
    print(
        "position_closed",
        R"("symbol":"%s","side":"%s","entry":%.5f,"price":%.5f,"quantity":%.0f,"pnl":%.2f,"bars":%zu,"reason":"%s")",
        kSymbol.data(), position_->is_long ? "long" : "short", position_->entry, candle.close, kQuantity, pnl,
        now_ - position_->opened_at, reason);
    position_.reset();
  }

  void print_stats(const Candle& candle) {
    print("stats_update",
          R"("equity":%.2f,"realised":%.2f,"unrealised":%.2f,"trades":%zu,"wins":%zu,"drawdown":%.2f)",
          kStartCash + realised_ + unrealised(candle), realised_, unrealised(candle), trades_, wins_,
          max_drawdown_);
  }

  [[nodiscard]] double unrealised(const Candle& candle) const {
    if (!position_) return 0;
    const double gain = (candle.close - position_->entry) * kQuantity;
    return position_->is_long ? gain : -gain;
  }

  template <class... Args>
  static std::string format(const char* pattern, Args... args) {
    std::string text(static_cast<std::size_t>(std::snprintf(nullptr, 0, pattern, args...)), '\0');
    std::snprintf(text.data(), text.size() + 1, pattern, args...);
    return text;
  }

  // One event: its time is the candle's.
  template <class... Args>
  void print(const char* type, const char* data_pattern, Args... args) {
    const std::string data = format(data_pattern, args...);
    std::printf("{\"run\":\"%s\",\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":{%s}}\n", options_.run.c_str(),
                type, candles_[now_].time.c_str(), data.c_str());
    if (options_.pace > 0) std::fflush(stdout);
  }

  const Options& options_;
  const std::vector<Candle>& candles_;
  MovingAverage fast_;
  MovingAverage slow_;
  std::size_t now_ = 0;  // number of the candle
  std::optional<Position> position_;
  double realised_ = 0;
  double peak_ = kStartCash;
  double max_drawdown_ = 0;
  std::size_t trades_ = 0;
  std::size_t wins_ = 0;
};

constexpr const char* kUsage =
    "usage: backtest_engine [--run ID] [--fast N] [--slow N] [--pace CANDLES_A_SECOND] [FILE.csv]\n"
    "Backtests a crossing of two moving averages over hourly candles (stdin if no FILE)\n"
    "and prints its events as JSON lines.\n";

// `run` becomes part of a channel's name and of JSON text.
bool is_plain(std::string_view run) {
  return !run.empty() &&
         run.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string_view::npos;
}

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (!name.starts_with("--")) {
      options.path = name;
      continue;
    }
    if (++i == arguments.size()) throw std::runtime_error(name + " needs a value");
    if (name == "--run") {
      options.run = arguments[i];
    } else if (name == "--fast") {
      options.fast = static_cast<std::size_t>(parse_number(arguments[i]));
    } else if (name == "--slow") {
      options.slow = static_cast<std::size_t>(parse_number(arguments[i]));
    } else if (name == "--pace") {
      options.pace = parse_number(arguments[i]);
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  if (!is_plain(options.run)) throw std::runtime_error("--run takes letters, digits, '.', '_' and '-'");
  if (options.fast == 0 || options.fast >= options.slow)
    throw std::runtime_error("--fast must be below --slow");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments == std::vector<std::string>{"--help"} || arguments == std::vector<std::string>{"-h"}) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    const Options options = parse_options(arguments);
    std::ifstream file;
    if (options.path != "-") file.open(options.path);
    if (options.path != "-" && !file) throw std::runtime_error("cannot open " + options.path);
    const std::vector<Candle> candles = read_candles(options.path == "-" ? std::cin : file);
    if (candles.empty()) throw std::runtime_error("no candles in " + options.path);
    Engine(options, candles).run();
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "backtest_engine: %s\n%s", error.what(), kUsage);
    return 2;
  }
}
