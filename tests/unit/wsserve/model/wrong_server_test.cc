// The model can fail: a server that lies in one way or another is found out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "common/protocol/event.h"
#include "walk.h"

namespace wskit::server::model {
namespace {

using Heard = std::deque<std::string>;

struct Said {
  std::string channel;
  std::string key;
};

std::optional<Said> event_in(const std::string& text) {
  std::string storage;
  const auto event = protocol::decode_event(text, storage);
  if (!event) return std::nullopt;
  return Said{std::string(event->channel), std::string(event->key)};
}

// Two events that came at once, the second the next of the same channel and key.
std::optional<std::pair<Heard::iterator, Heard::iterator>> two_of_a_kind(Heard& heard) {
  for (auto first = heard.begin(); first != heard.end(); ++first) {
    const auto said = event_in(*first);
    if (!said) continue;
    const auto second = std::find_if(std::next(first), heard.end(), [&](const std::string& text) {
      const auto other = event_in(text);
      return other && other->channel == said->channel && other->key == said->key;
    });
    if (second != heard.end()) return std::pair(first, second);
  }
  return std::nullopt;
}

void replace_in_each(Heard& heard, std::string_view what, std::string_view by) {
  for (std::string& text : heard) {
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  }
}

void skip_one(Heard& heard) {
  if (const auto two = two_of_a_kind(heard)) heard.erase(two->first);
}

void repeat_one(Heard& heard) {
  const auto event =
      std::ranges::find_if(heard, [](const std::string& text) { return event_in(text).has_value(); });
  if (event != heard.end()) heard.insert(event, std::string(*event));
}

void swap_two(Heard& heard) {
  if (const auto two = two_of_a_kind(heard)) std::iter_swap(two->first, two->second);
}

void change_data(Heard& heard) { replace_in_each(heard, R"("data":{"n":1)", R"("data":{"n":2)"); }

void hide_merges(Heard& heard) {
  for (std::string& text : heard) {
    const auto from = text.find(R"("from":)");
    if (event_in(text) && from != std::string::npos) text.erase(from, text.find(R"("data":)") - from);
  }
}

void claim_recovery(Heard& heard) {
  for (std::string& text : heard) {
    const auto oldest = text.find(R"(,"oldest":)");
    if (!text.starts_with(R"({"type":"subscribed")") || oldest == std::string::npos) continue;
    if (text.find("\"gaps\"") != std::string::npos) continue;
    text.erase(oldest, text.find('}', oldest) - oldest);
    text.replace(text.find(R"("recovered":false)"), 17, R"("recovered":true)");
  }
}

void forget_gaps(Heard& heard) {
  for (std::string& text : heard) {
    const auto gaps = text.find(R"(,"gaps":[)");
    if (gaps == std::string::npos) continue;
    text.erase(gaps, text.find(']', gaps) + 1 - gaps);
    text.replace(text.find(R"("recovered":false)"), 17, R"("recovered":true)");
  }
}

void count_one_more(Heard& heard) { replace_in_each(heard, R"("delivered":)", R"("delivered":1)"); }

struct Lie {
  const char* name;
  void (*tell)(Heard& heard);
  const char* complaint;  // a part of one
};

void PrintTo(const Lie& lie, std::ostream* out) { *out << lie.name; }

class WrongServerTest : public testing::TestWithParam<Lie> {};

TEST_P(WrongServerTest, IsFoundOut) {
  constexpr std::uint32_t kSeeds = 20;
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Walk walk(seed, Walk::Keeps::kInMemory, [] { return Tamper(GetParam().tell); });
    walk.go(10);
    if (walk.complaint().empty()) continue;
    EXPECT_THAT(walk.complaint(), testing::ContainsRegex(GetParam().complaint));
    return;
  }
  ADD_FAILURE() << "nobody noticed in " << kSeeds << " walks";
}

INSTANTIATE_TEST_SUITE_P(Lies, WrongServerTest,
                         testing::Values(Lie{"SkipsAnEvent", skip_one, "before it did not"},
                                         Lie{"RepeatsAnEvent", repeat_one, "came a second time"},
                                         Lie{"SwapsTwoEvents", swap_two, "came behind|before it did not"},
                                         Lie{"ChangesData", change_data, "is not as it was published"},
                                         Lie{"HidesMerges", hide_merges, "before it did not"},
                                         Lie{"ClaimsRecovery", claim_recovery,
                                             "recovered, although|recovered from|before it did not"},
                                         Lie{"ForgetsGaps", forget_gaps,
                                             "recovered, although|recovered from|before it did not"},
                                         Lie{"CountsOneMore", count_one_more, "a heartbeat counts"}),
                         [](const auto& lie) { return std::string(lie.param.name); });

}  // namespace
}  // namespace wskit::server::model
