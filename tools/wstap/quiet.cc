#include "wstap/quiet.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/protocol/channel.h"
#include "common/protocol/quote.h"
#include "common/text.h"

namespace wskit::tap {
namespace {

// More segments are not replaced one after the other.
constexpr std::size_t kMostProbes = 6;
constexpr std::size_t kMostNamed = 3;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string join(const std::vector<std::string_view>& parts) {
  std::string text;
  for (const std::string_view part : parts) {
    if (!text.empty()) text += '/';
    text += part;
  }
  return text;
}

bool is_foreign(std::string_view part) { return part == ">" || part == "#" || part == "+"; }

}  // namespace

std::string here_spelled(std::string_view name) {
  const char separator =
      name.find('/') == std::string_view::npos && name.find('.') != std::string_view::npos ? '.' : '/';
  std::vector<std::string_view> parts = split(name, separator);
  if (std::ranges::none_of(parts, is_foreign)) return {};
  for (std::string_view& part : parts) {
    if (part == "+") part = "*";
    if (part == ">" || part == "#") part = "**";
  }
  std::string text = join(parts);
  return protocol::Pattern::parse(text) ? text : std::string{};
}

std::string_view meant_by(std::string_view name) {
  struct Word {
    std::string_view word;
    std::string_view meant;
  };
  constexpr std::string_view kAll =
      "to see which channels there are, wstap '**' --from -1 shows the newest event of each, and GET "
      "/channels "
      "lists them to an administrator";
  constexpr std::string_view kHelp = "wstap --help says what it can do";
  constexpr std::array<Word, 9> kWords{
      {{"list", kAll},
       {"ls", kAll},
       {"channels", kAll},
       {"help", kHelp},
       {"version", "wstap --version says its version"},
       {"sub", kHelp},
       {"subscribe", "the channel comes right behind wstap: wstap market/AAPL"},
       {"tail", "the channel comes right behind wstap: wstap market/AAPL"},
       {"watch", "the channel comes right behind wstap: wstap market/AAPL"}}};
  const auto* found = std::ranges::find(kWords, name, &Word::word);
  return found != kWords.end() ? found->meant : std::string_view{};
}

void Quiet::begins(const std::vector<SubscribedEntry>& channels) {
  if (places_.empty()) taken_ = 0;  // of what was played before, nothing was left out
  for (const SubscribedEntry& entry : channels) {
    if (!entry.offset) continue;
    const std::uint64_t offset = *entry.offset - std::min(entry.replayed, *entry.offset);
    places_.try_emplace(entry.channel, Place{.epoch = entry.epoch, .offset = offset});
  }
}

std::uint64_t Quiet::others(const std::vector<SubscribedEntry>& channels) const {
  std::uint64_t published = 0;
  for (const SubscribedEntry& entry : channels) {
    if (!entry.offset) continue;
    const auto place = places_.find(entry.channel);
    const bool same = place != places_.end() && place->second.epoch == entry.epoch;
    const std::uint64_t begin = same ? place->second.offset : 0;
    published += *entry.offset - std::min(begin, *entry.offset);
  }
  return published - std::min(taken_, published);
}

std::vector<std::string> Quiet::empty_ones(const std::vector<SubscribedEntry>& entries) {
  std::vector<std::string> empty;
  for (const SubscribedEntry& entry : entries) {
    const bool is_pattern = protocol::looks_like_pattern(entry.channel);
    const bool nothing = is_pattern ? entry.lists && entry.matched.empty() : entry.offset == std::uint64_t{0};
    if (nothing && !protocol::is_server_channel(entry.channel)) empty.push_back(entry.channel);
  }
  return empty;
}

std::vector<std::string> Quiet::probes(std::string_view name) {
  std::vector<std::string> patterns;
  const std::vector<std::string_view> parts = split(name, '/');
  for (std::size_t i = parts.size(); i-- > 0 && patterns.size() < kMostProbes;) {
    if (parts[i] == "*" || parts[i] == "**") continue;
    std::vector<std::string_view> probe = parts;
    probe[i] = "*";
    patterns.push_back(join(probe));
  }
  return patterns;
}

std::string Quiet::told(std::string_view name, const std::vector<std::string>& there) {
  std::string text = protocol::looks_like_pattern(name)
                         ? fmt::format("no channel matches {} so far", name)
                         : fmt::format("nothing was ever published to {}", name);
  std::vector<std::string_view> others;
  for (const std::string& channel : there) {
    if (channel != name) others.emplace_back(channel);
  }
  std::ranges::sort(others);
  others.erase(std::unique(others.begin(), others.end()), others.end());
  if (others.empty()) return text;
  if (const std::string_view near = protocol::nearest_name(name, others); !near.empty()) {
    return fmt::format("{}; there is {}", text, near);
  }
  const std::size_t named = std::min(others.size(), kMostNamed);
  std::string names;
  for (std::size_t i = 0; i < named; ++i) {
    names += i == 0 ? "" : (i + 1 == others.size() ? " and " : ", ");
    names += others[i];
  }
  if (named < others.size()) names += fmt::format(" and {}", counted(others.size() - named, "other"));
  return fmt::format("{}; there {} {}", text, others.size() == 1 ? "is" : "are", names);
}

}  // namespace wskit::tap
