#include "wstap/shape.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "common/cli/text_width.h"
#include "wstap/json_fields.h"

namespace wskit::tap {
namespace {

using Names = std::initializer_list<std::string_view>;

void append_word(std::string& out, std::string_view word) {
  if (word.empty()) return;
  if (!out.empty()) out += ' ';
  out += word;
}

// " name value" where the value is there.
void append_named(std::string& out, std::string_view name, const std::string& value) {
  if (!value.empty()) append_word(out, fmt::format("{} {}", name, value));
}

std::string side(const JsonFields& fields, bool colored) {
  std::string text = fields.text({"side", "direction", "action", "decision", "signal"});
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); });
  const bool up = text == "BUY" || text == "LONG" || text == "BID";
  const bool down = text == "SELL" || text == "SHORT" || text == "ASK";
  return paint(text, up ? Tone::kGood : down ? Tone::kBad : Tone::kPlain, colored);
}

// A profit or loss with its sign and colour.
std::string signed_value(const JsonFields& fields, Names names, bool colored) {
  const std::string text = fields.text(names);
  const std::optional<double> value = fields.number(names);
  if (!value || *value == 0) return text;
  return paint(*value > 0 && !text.starts_with('+') ? fmt::format("+{}", text) : text,
               *value > 0 ? Tone::kGood : Tone::kBad, colored);
}

// Every member as name=value; nested values stay JSON.
std::string all_members(const JsonFields& fields, std::string_view data) {
  if (fields.members().empty()) return plain_text(data);
  std::string text;
  for (const JsonFields::Member& member : fields.members()) {
    append_word(text, fmt::format("{}={}", cli::printable(member.name), plain_text(member.value)));
  }
  return text;
}

std::string trade(const JsonFields& fields, bool colored) {
  std::string text = side(fields, colored);
  append_word(text, fields.text({"quantity", "qty", "size", "amount", "volume"}));
  append_word(text, fields.text({"symbol", "product_id", "market"}));
  const std::string price = fields.text({"price", "fill_price"});
  if (price.empty()) return {};
  append_word(text, fmt::format("@ {}", price));
  append_named(text, "id", fields.text({"trade_id", "id"}));
  return text;
}

std::string candle(const JsonFields& fields, bool colored) {
  const std::string close = fields.text({"close", "c", "Close"});
  if (close.empty()) return {};
  const double change =
      fields.number({"close", "c", "Close"}).value_or(0) - fields.number({"open", "o", "Open"}).value_or(0);
  std::string text;
  append_named(text, "O", fields.text({"open", "o", "Open"}));
  append_named(text, "H", fields.text({"high", "h", "High"}));
  append_named(text, "L", fields.text({"low", "l", "Low"}));
  append_word(text, fmt::format("C {}", paint(close, change < 0 ? Tone::kBad : Tone::kGood, colored)));
  append_named(text, "V", fields.text({"volume", "v", "Volume"}));
  append_word(text, fields.text({"time", "timestamp", "t", "start"}));
  return text;
}

std::string position(const JsonFields& fields, bool colored) {
  std::string text = side(fields, colored);
  append_word(text, fields.text({"quantity", "qty", "size", "amount"}));
  append_word(text, fields.text({"symbol", "market"}));
  const std::string entry = fields.text({"entry_price", "entry", "price", "avg_price"});
  if (!entry.empty()) append_word(text, fmt::format("@ {}", entry));
  const std::string exit = fields.text({"exit_price", "exit", "close_price"});
  if (!exit.empty()) append_word(text, fmt::format("-> {}", exit));
  append_named(text, "pnl",
               signed_value(fields, {"pnl", "profit", "realized_pnl", "unrealized_pnl"}, colored));
  append_named(text, "reason", fields.text({"reason", "exit_reason"}));
  return text;
}

std::string decision(const JsonFields& fields, bool colored) {
  std::string text = side(fields, colored);
  if (text.empty()) return {};
  append_word(text, fields.text({"symbol", "market"}));
  const std::string price = fields.text({"price"});
  if (!price.empty()) append_word(text, fmt::format("@ {}", price));
  append_named(text, "confidence", fields.text({"confidence", "strength"}));
  append_word(text,
              paint(fields.text({"reason", "reasoning", "rationale", "message"}), Tone::kQuiet, colored));
  return text;
}

std::string words(const JsonFields& fields, bool colored) {
  std::string text =
      fields.text({"text", "message", "thought", "content", "insight", "narrative", "summary"});
  if (text.empty()) return {};
  const std::string speaker = fields.text({"agent", "source", "title", "level", "severity"});
  return speaker.empty() ? text : fmt::format("{}: {}", paint(speaker, Tone::kHeadline, colored), text);
}

std::string order(const JsonFields& fields, bool colored) {
  const std::string status = fields.text({"status", "state"});
  std::string text = fields.text({"order_id", "id"});
  append_word(text, paint(status, status == "REJECTED" || status == "rejected" ? Tone::kBad : Tone::kHeadline,
                          colored));
  append_word(text, side(fields, colored));
  append_word(text, fields.text({"quantity", "qty", "size"}));
  append_word(text, fields.text({"symbol", "product_id", "market"}));
  const std::string price = fields.text({"price", "limit_price"});
  if (!price.empty()) append_word(text, fmt::format("@ {}", price));
  return text;
}

std::string countdown(const JsonFields& fields, bool /*colored*/) {
  const std::string left = fields.text({"seconds", "remaining", "seconds_remaining", "countdown"});
  return left.empty() ? std::string{} : fmt::format("{} s left", left);
}

// The members with the sign and colour of what is a gain or a loss.
std::string figures(const JsonFields& fields, bool colored) {
  constexpr std::array<std::string_view, 8> kSigned{
      "pnl", "profit", "return", "total_pnl", "drawdown", "unrealized_pnl", "realized_pnl", "total_return"};
  std::string text;
  for (const JsonFields::Member& member : fields.members()) {
    const bool is_signed = std::find(kSigned.begin(), kSigned.end(), member.name) != kSigned.end();
    append_word(text, fmt::format("{}={}", cli::printable(member.name),
                                  is_signed ? signed_value(fields, {member.name}, colored)
                                            : plain_text(member.value)));
  }
  return text;
}

struct Known {
  std::string_view type;
  Tone tone;
  std::string (*text)(const JsonFields&, bool);  // empty text: as any other type
};
constexpr std::array<Known, 34> kKnown{{
    {"trade", Tone::kPlain, trade},
    {"match", Tone::kPlain, trade},
    {"candle", Tone::kPlain, candle},
    {"position_opened", Tone::kHeadline, position},
    {"position_closed", Tone::kHeadline, position},
    {"position_updated", Tone::kPlain, position},
    {"ai_decision", Tone::kHeadline, decision},
    {"signal", Tone::kHeadline, decision},
    {"ai_thinking", Tone::kQuiet, words},
    {"agent_insight", Tone::kPlain, words},
    {"narrative", Tone::kPlain, words},
    {"alert", Tone::kWarn, words},
    {"error", Tone::kBad, words},
    {"order", Tone::kPlain, order},
    {"countdown_update", Tone::kQuiet, countdown},
    {"stats_update", Tone::kPlain, figures},
    {"equity", Tone::kPlain, figures},
    {"metrics", Tone::kPlain, figures},
    {"dashboard_update", Tone::kPlain, figures},
    {"update", Tone::kPlain, figures},
    {"market_data", Tone::kPlain, figures},
    {"progress", Tone::kPlain, nullptr},
    {"backtest_progress", Tone::kPlain, nullptr},
    {"session_initialized", Tone::kHeadline, figures},
    {"session_completed", Tone::kGood, figures},
    {"complete", Tone::kGood, figures},
    {"completed", Tone::kGood, figures},
    {"strategy_created", Tone::kHeadline, figures},
    {"backtest_started", Tone::kHeadline, figures},
    {"backtest_completed", Tone::kGood, figures},
    {"backtest_failed", Tone::kBad, words},
    {"heartbeat", Tone::kQuiet, nullptr},
    {"join", Tone::kQuiet, nullptr},
    {"leave", Tone::kQuiet, nullptr},
}};

// 0 to 1 out of 0.45, 45 or "45%", by what the member is called.
std::optional<double> fraction_of(const JsonFields& fields) {
  const std::optional<double> current =
      fields.number({"current", "processed", "done", "step", "completed", "current_step", "index"});
  const std::optional<double> total = fields.number({"total", "total_steps", "steps", "of"});
  if (current && total && *total > 0) return *current / *total;
  if (const auto percent = fields.number({"percent", "pct", "percentage", "progress_pct"}))
    return *percent / 100;
  const std::optional<double> value = fields.number({"fraction", "progress", "value"});
  if (!value) return std::nullopt;
  return *value > 1 ? *value / 100 : *value;
}

}  // namespace

std::string paint(std::string_view text, Tone tone, bool colored) {
  if (!colored || text.empty() || tone == Tone::kPlain) return std::string(text);
  constexpr std::array<std::string_view, 6> kCodes{"", "2", "32", "31", "33", "1"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(tone)], text);
}

Shape shape_event(std::string_view type, std::string_view data, bool colored) {
  const JsonFields fields(data);
  const auto* known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.type == type; });
  Shape shape;
  if (known != kKnown.end()) {
    shape.tone = known->tone;
    if (known->text != nullptr) shape.text = known->text(fields, colored);
  }
  if (shape.text.empty()) shape.text = all_members(fields, data);
  return shape;
}

std::optional<Progress> progress_of(std::string_view type, std::string_view data) {
  if (type != "progress" && type != "backtest_progress") return std::nullopt;
  const JsonFields fields(data);
  const std::optional<double> fraction = fraction_of(fields);
  if (!fraction || !std::isfinite(*fraction)) return std::nullopt;
  Progress progress{.fraction = std::clamp(*fraction, 0.0, 1.0), .text = {}};
  const std::string current =
      fields.text({"current", "processed", "done", "step", "completed", "current_step", "index"});
  const std::string total = fields.text({"total", "total_steps", "steps", "of"});
  if (!current.empty() && !total.empty()) progress.text = fmt::format("{}/{}", current, total);
  append_word(progress.text, fields.text({"message", "status", "stage", "phase", "date"}));
  return progress;
}

bool ends_progress(std::string_view type) {
  constexpr std::array<std::string_view, 5> kEnds{"complete", "completed", "session_completed",
                                                  "backtest_completed", "backtest_failed"};
  return std::find(kEnds.begin(), kEnds.end(), type) != kEnds.end();
}

}  // namespace wskit::tap
