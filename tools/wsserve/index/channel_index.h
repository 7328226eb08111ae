// Channels, found by the patterns that match them: a tree of the segments of their
// names, in which a walk may also begin at the rarest segment that a pattern names.
//
// A pattern that names a segment which no channel has at that place costs a look-up.
// Any other costs as many steps as channels have its rarest named segment there, and
// what it matches.
//
// Threads: one, or guarded by its owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/protocol/channel.h"
#include "common/text_hash.h"

namespace wskit::server {

class Channel;

class ChannelIndex {
 public:
  ChannelIndex();
  ~ChannelIndex();
  ChannelIndex(const ChannelIndex&) = delete;
  ChannelIndex& operator=(const ChannelIndex&) = delete;

  // REQUIRES: a valid name that is not there yet.
  void add(std::string_view name, Channel& channel);
  // REQUIRES: it is there.
  void remove(std::string_view name);

  // Those that match, in no particular order, are added to `out`. False: after
  // `most_steps` nodes there were more to meet, and `out` does not have them all.
  bool find(const protocol::Pattern& pattern, std::vector<Channel*>& out,
            std::uint64_t most_steps = UINT64_MAX) const;

  // How many nodes were met since the start, for those who measure what a look costs.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  struct Node;
  // A segment's text at one depth, and the nodes that have it.
  struct Segment {
    explicit Segment(std::string_view spelled) : text(spelled) {}
    const std::string text;
    Node* first = nullptr;
    std::size_t nodes = 0;
  };
  // Its place in the tree, and in the lists of its parent's children and of those with
  // the same segment.
  struct Node {
    Node* parent = nullptr;
    Segment* segment = nullptr;
    Channel* channel = nullptr;
    Node* first_child = nullptr;
    Node* next = nullptr;
    Node* before = nullptr;
    Node* next_alike = nullptr;
    Node* alike_before = nullptr;
  };
  struct Place {
    const Node* parent;
    const Segment* segment;
    bool operator==(const Place&) const = default;
  };
  // Of pointers, which nobody outside chooses.
  struct PlaceHash {
    std::size_t operator()(const Place& place) const;
  };
  using Segments = std::unordered_map<std::string_view, std::unique_ptr<Segment>, TextHash, std::equal_to<>>;

  // What a pattern asks of one depth.
  struct Wanted {
    const Segment* segment = nullptr;  // null: any
  };
  struct Walk {
    std::vector<Wanted> wanted;
    bool deep = false;  // one segment or more follow
    std::uint64_t last_step = 0;
    std::vector<Channel*>& out;
  };

  [[nodiscard]] Segment& intern(std::size_t depth, std::string_view text);
  [[nodiscard]] Node* child(const Node& parent, const Segment& segment) const;
  Node& add_child(Node& parent, Segment& segment);
  void remove_node(Node& node, std::size_t depth);
  // `depth`: of the children of the node. False: the walk has taken too many steps.
  [[nodiscard]] bool descend(const Node& node, std::size_t depth, const Walk& walk) const;
  [[nodiscard]] bool take_all_below(const Node& node, bool is_root, const Walk& walk) const;
  [[nodiscard]] bool fits_upwards(const Node& node, std::size_t depth, const Walk& walk) const;

  Node root_;
  std::array<Segments, protocol::kMaxChannelSegments> segments_;  // by depth
  std::unordered_map<Place, std::unique_ptr<Node>, PlaceHash> nodes_;
  mutable std::uint64_t steps_ = 0;
};

}  // namespace wskit::server
