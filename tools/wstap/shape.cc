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

std::string side_of(const JsonFields& fields, Names names, bool colored) {
  std::string text = fields.text(names);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); });
  const bool up = text == "BUY" || text == "LONG" || text == "BID";
  const bool down = text == "SELL" || text == "SHORT" || text == "ASK";
  return paint(text, up ? Tone::kGood : down ? Tone::kBad : Tone::kPlain, colored);
}

std::string side(const JsonFields& fields, bool colored) {
  return side_of(fields, {"side", "direction", "action", "decision", "signal"}, colored);
}

// A profit or loss with its sign and colour.
std::string signed_value(const JsonFields& fields, Names names, bool colored) {
  const std::string text = fields.text(names);
  const std::optional<double> value = fields.number(names);
  if (!value || *value == 0) return text;
  return paint(*value > 0 && !text.starts_with('+') ? fmt::format("+{}", text) : text,
               *value > 0 ? Tone::kGood : Tone::kBad, colored);
}

bool is_nested(std::string_view json) { return json.starts_with('{') || json.starts_with('['); }

std::string symbol_of(const JsonFields& fields) {
  return fields.text({"symbol", "product_id", "market", "ticker", "pair", "instrument"});
}

std::string quantity_of(const JsonFields& fields) {
  return fields.text({"quantity", "qty", "size", "amount", "volume"});
}

// What a member says of a gain or a loss: the first thing that is looked for.
bool is_gain(std::string_view name) {
  constexpr std::array<std::string_view, 12> kGains{
      "pnl",          "profit",      "return",  "total_pnl", "unrealized_pnl", "realized_pnl",
      "total_return", "profit_loss", "net_pnl", "pnl_pct",   "pnl_percent",    "drawdown"};
  return std::find(kGains.begin(), kGains.end(), name) != kGains.end();
}

// The members as name=value: gains first, with sign and colour, then the others, and
// nested values, which stay JSON and may be long, last.
std::string members_in_order(const JsonFields& fields, bool colored) {
  std::string gains;
  std::string plain;
  std::string nested;
  for (const JsonFields::Member& member : fields.members()) {
    if (is_gain(member.name)) {
      append_word(gains, fmt::format("{}={}", cli::printable(member.name),
                                     signed_value(fields, {member.name}, colored)));
    } else {
      append_word(is_nested(member.value) ? nested : plain,
                  fmt::format("{}={}", cli::printable(member.name), plain_text(member.value)));
    }
  }
  append_word(gains, plain);
  append_word(gains, nested);
  return gains;
}

// "pnl +4 (+2.5%)", coloured; empty: nothing is said of it.
std::string gain(const JsonFields& fields, bool colored) {
  const std::string value = signed_value(
      fields, {"pnl", "profit", "realized_pnl", "net_pnl", "profit_loss", "unrealized_pnl"}, colored);
  const std::string percent =
      signed_value(fields, {"pnl_pct", "pnl_percent", "return_pct", "pnl_percentage"}, colored);
  std::string text;
  append_named(text, "pnl", value);
  if (!percent.empty()) append_word(text, value.empty() ? "pnl " + percent + "%" : "(" + percent + "%)");
  return text;
}

// "@ 1 -> 3" of what has an entry and an exit.
std::string prices(const JsonFields& fields, Names names) {
  const std::string entry = fields.text({"entry_price", "entry", "avg_price", "avg_entry_price"});
  const std::string exit = fields.text({"exit_price", "exit", "close_price"});
  const std::string price = fields.text(names);
  std::string text;
  if (!entry.empty() || !price.empty()) text = fmt::format("@ {}", entry.empty() ? price : entry);
  const std::string& left = exit.empty() && !entry.empty() && price != entry ? price : exit;
  if (!left.empty()) append_word(text, fmt::format("-> {}", left));
  return text;
}

// The object that an event of this kind has its members in: `name`, or itself.
JsonFields inner(const JsonFields& fields, std::string_view data, Names names) {
  const std::string_view nested = fields.json(names);
  return JsonFields(nested.starts_with('{') ? nested : data);
}

// Exchanges' trades, and those of a strategy, which enter or leave a position.
std::string trade(const JsonFields& fields, std::string_view /*data*/, bool colored) {
  std::string action = fields.text({"action", "event", "trade_type"});
  const bool moves = action == "entry" || action == "exit" || action == "open" || action == "close" ||
                     action == "ENTRY" || action == "EXIT";
  std::string text;
  if (moves) {
    std::transform(action.begin(), action.end(), action.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    append_word(text, paint(action, Tone::kHeadline, colored));
  }
  append_word(text, gain(fields, colored));
  append_word(text, moves ? side_of(fields, {"side", "direction"}, colored) : side(fields, colored));
  append_word(text, quantity_of(fields));
  append_word(text, symbol_of(fields));
  const std::string at = prices(fields, {"price", "fill_price"});
  if (at.empty()) return {};
  append_word(text, at);
  append_named(text, "id", fields.text({"trade_id", "id"}));
  append_word(text, paint(fields.text({"reason", "exit_reason", "reasoning"}), Tone::kQuiet, colored));
  return text;
}

std::string candle(const JsonFields& fields, std::string_view /*data*/, bool colored) {
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

std::string position(const JsonFields& fields, std::string_view /*data*/, bool colored) {
  std::string text = gain(fields, colored);
  append_word(text, side(fields, colored));
  append_word(text, quantity_of(fields));
  append_word(text, symbol_of(fields));
  append_word(text, prices(fields, {"price"}));
  append_word(text, paint(fields.text({"reason", "exit_reason"}), Tone::kQuiet, colored));
  return text;
}

std::string decision(const JsonFields& outer, std::string_view data, bool colored) {
  const JsonFields fields = inner(outer, data, {"signal", "decision"});
  std::string text =
      side_of(fields, {"side", "direction", "action", "decision", "signal", "signal_type"}, colored);
  if (text.empty()) return {};
  const std::string symbol = symbol_of(fields);
  append_word(text, symbol.empty() ? symbol_of(outer) : symbol);
  append_word(text, prices(fields, {"price"}));
  append_named(text, "confidence", fields.text({"confidence", "strength"}));
  append_word(text,
              paint(fields.text({"reason", "reasoning", "rationale", "message"}), Tone::kQuiet, colored));
  return text;
}

std::string words_of(const JsonFields& fields) {
  return fields.text(
      {"text", "message", "thought", "content", "insight", "narrative", "summary", "title", "description"});
}

// Who says it, and of what: an alert without its symbol says nothing.
std::string words(const JsonFields& outer, std::string_view data, bool colored) {
  const JsonFields fields = inner(outer, data, {"insight", "narrative", "alert"});
  std::string text = words_of(fields);
  if (text.empty()) return {};
  std::string speaker = symbol_of(outer);
  if (speaker.empty()) speaker = symbol_of(fields);
  append_word(speaker,
              outer.text({"agent", "agent_name", "level", "severity", "alert_type", "source", "title"}));
  return speaker.empty() ? text : fmt::format("{}: {}", paint(speaker, Tone::kHeadline, colored), text);
}

std::string order(const JsonFields& fields, std::string_view /*data*/, bool colored) {
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

std::string countdown(const JsonFields& fields, std::string_view /*data*/, bool /*colored*/) {
  const std::string left = fields.text({"seconds", "remaining", "seconds_remaining", "countdown"});
  return left.empty() ? std::string{} : fmt::format("{} s left", left);
}

std::string figures(const JsonFields& fields, std::string_view /*data*/, bool colored) {
  return members_in_order(fields, colored);
}

struct Known {
  std::string_view type;
  Tone tone;
  std::string (*text)(const JsonFields&, std::string_view, bool);  // empty text: as any other type
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
    if (known->text != nullptr) shape.text = known->text(fields, data, colored);
  }
  if (shape.text.empty()) shape.text = members_in_order(fields, colored);
  if (shape.text.empty()) shape.text = plain_text(data);
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
