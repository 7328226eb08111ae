#include "wsserve/index/channel_index.h"

#include <bit>

#include "wsserve/index/segments.h"

namespace wskit::server {

std::size_t ChannelIndex::PlaceHash::operator()(const Place& place) const {
  const auto parent = std::bit_cast<std::uintptr_t>(place.parent);
  const auto segment = std::bit_cast<std::uintptr_t>(place.segment);
  std::uint64_t mixed = (parent >> 4U) * 0x9E3779B97F4A7C15U + (segment >> 4U);
  mixed ^= mixed >> 29U;
  mixed *= 0xBF58476D1CE4E5B9U;
  return mixed ^ (mixed >> 32U);
}

ChannelIndex::ChannelIndex() = default;
ChannelIndex::~ChannelIndex() = default;

ChannelIndex::Segment& ChannelIndex::intern(std::size_t depth, std::string_view text) {
  Segments& segments = segments_.at(depth);
  if (const auto known = segments.find(text); known != segments.end()) return *known->second;
  auto made = std::make_unique<Segment>(text);
  const std::string_view key = made->text;
  return *segments.emplace(key, std::move(made)).first->second;
}

ChannelIndex::Node* ChannelIndex::child(const Node& parent, const Segment& segment) const {
  const auto found = nodes_.find({&parent, &segment});
  return found == nodes_.end() ? nullptr : found->second.get();
}

ChannelIndex::Node& ChannelIndex::add_child(Node& parent, Segment& segment) {
  Node& node = *nodes_.emplace(Place{&parent, &segment}, std::make_unique<Node>()).first->second;
  node.parent = &parent;
  node.segment = &segment;
  node.next = parent.first_child;
  if (node.next != nullptr) node.next->before = &node;
  parent.first_child = &node;
  node.next_alike = segment.first;
  if (node.next_alike != nullptr) node.next_alike->alike_before = &node;
  segment.first = &node;
  ++segment.nodes;
  return node;
}

void ChannelIndex::remove_node(Node& node, std::size_t depth) {
  (node.before == nullptr ? node.parent->first_child : node.before->next) = node.next;
  if (node.next != nullptr) node.next->before = node.before;
  Segment& segment = *node.segment;
  (node.alike_before == nullptr ? segment.first : node.alike_before->next_alike) = node.next_alike;
  if (node.next_alike != nullptr) node.next_alike->alike_before = node.alike_before;
  const Place place{node.parent, &segment};
  nodes_.erase(place);
  if (--segment.nodes == 0) segments_.at(depth).erase(segments_.at(depth).find(segment.text));
}

void ChannelIndex::add(std::string_view name, Channel& channel) {
  Node* node = &root_;
  std::size_t depth = 0;
  for (std::string_view rest = name; !rest.empty(); ++depth) {
    Segment& segment = intern(depth, take_segment(rest));
    Node* known = child(*node, segment);
    node = known == nullptr ? &add_child(*node, segment) : known;
  }
  node->channel = &channel;
}

void ChannelIndex::remove(std::string_view name) {
  Node* node = &root_;
  std::size_t depth = 0;
  for (std::string_view rest = name; !rest.empty(); ++depth) {
    node = child(*node, *segments_.at(depth).find(take_segment(rest))->second);
  }
  node->channel = nullptr;
  while (node != &root_ && node->channel == nullptr && node->first_child == nullptr) {
    Node* parent = node->parent;
    remove_node(*node, --depth);
    node = parent;
  }
}

bool ChannelIndex::find(const protocol::Pattern& pattern, std::vector<Channel*>& out,
                        std::uint64_t most_steps) const {
  const std::uint64_t last_step = most_steps > UINT64_MAX - steps_ ? UINT64_MAX : steps_ + most_steps;
  Walk walk{.wanted = {}, .last_step = last_step, .out = out};
  const Segment* rarest = nullptr;
  std::size_t rarest_depth = 0;
  for (std::string_view rest = pattern.text(); !rest.empty();) {
    const std::string_view text = take_segment(rest);
    ++steps_;
    if (text == "**") {
      walk.deep = true;
    } else if (text == "*") {
      walk.wanted.push_back({});
    } else {
      const Segments& segments = segments_.at(walk.wanted.size());
      const auto known = segments.find(text);
      if (known == segments.end()) return true;
      if (rarest == nullptr || known->second->nodes < rarest->nodes) {
        rarest = known->second.get();
        rarest_depth = walk.wanted.size();
      }
      walk.wanted.push_back({known->second.get()});
    }
  }
  if (rarest == nullptr) return descend(root_, 0, walk);
  for (const Node* node = rarest->first; node != nullptr; node = node->next_alike) {
    if (++steps_ > last_step) return false;
    if (fits_upwards(*node, rarest_depth, walk) && !descend(*node, rarest_depth + 1, walk)) return false;
  }
  return true;
}

bool ChannelIndex::fits_upwards(const Node& node, std::size_t depth, const Walk& walk) const {
  const Node* at = &node;
  for (; depth > 0; --depth) {
    at = at->parent;
    ++steps_;
    const Segment* wanted = walk.wanted[depth - 1].segment;
    if (wanted != nullptr && wanted != at->segment) return false;
  }
  // A wildcard in front does not stand for a segment of the server's space.
  return walk.wanted.front().segment != nullptr || !protocol::is_server_channel(at->segment->text);
}

bool ChannelIndex::descend(const Node& node, std::size_t depth, const Walk& walk) const {
  if (++steps_ > walk.last_step) return false;
  const bool is_root = &node == &root_;
  if (depth == walk.wanted.size()) {
    if (walk.deep) return take_all_below(node, is_root, walk);
    if (node.channel != nullptr) walk.out.push_back(node.channel);
    return true;
  }
  if (const Segment* wanted = walk.wanted[depth].segment; wanted != nullptr) {
    const Node* next = child(node, *wanted);
    return next == nullptr || descend(*next, depth + 1, walk);
  }
  for (const Node* each = node.first_child; each != nullptr; each = each->next) {
    if (is_root && protocol::is_server_channel(each->segment->text)) continue;
    if (!descend(*each, depth + 1, walk)) return false;
  }
  return true;
}

bool ChannelIndex::take_all_below(const Node& node, bool is_root, const Walk& walk) const {
  for (const Node* each = node.first_child; each != nullptr; each = each->next) {
    if (is_root && protocol::is_server_channel(each->segment->text)) continue;
    if (++steps_ > walk.last_step) return false;
    if (each->channel != nullptr) walk.out.push_back(each->channel);
    if (!take_all_below(*each, false, walk)) return false;
  }
  return true;
}

}  // namespace wskit::server
