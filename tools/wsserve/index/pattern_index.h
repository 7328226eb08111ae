// Names and patterns, found by the channels that they match: a tree of their segments.
//
// A look for one channel meets at most two nodes for each node that it comes from (the
// segment itself, and `*`), whatever number of others there are.
//
// Threads: one, or guarded by its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/protocol/channel.h"
#include "common/text_hash.h"
#include "wsserve/index/segments.h"

namespace wskit::server {

template <class Value>
class PatternIndex {
 public:
  // The value of that text, made if it is new. REQUIRES: a valid name or pattern.
  Value& operator[](std::string_view text) {
    Node* node = &root_;
    for (std::string_view rest = text; !rest.empty();) node = &node->make_child(take_segment(rest));
    if (!node->value) {
      node->value.emplace();
      ++size_;
    }
    return *node->value;
  }

  // The value of exactly that text; null: there is none.
  [[nodiscard]] Value* find(std::string_view text) {
    return const_cast<Value*>(std::as_const(*this).find(text));
  }
  [[nodiscard]] const Value* find(std::string_view text) const {
    const Node* node = &root_;
    for (std::string_view rest = text; node != nullptr && !rest.empty();)
      node = node->child(take_segment(rest));
    return node == nullptr || !node->value ? nullptr : &*node->value;
  }

  // False: there was none.
  bool erase(std::string_view text) {
    const bool erased = erase_below(root_, text);
    if (erased) --size_;
    return erased;
  }

  // Calls `see` with the value of each that matches the channel, until it returns false.
  // False if it did.
  template <class See>
  bool visit(std::string_view channel, const See& see) const {
    return visit_below(root_, channel, !protocol::is_server_channel(channel), see);
  }

  // Calls `see` with the value of each.
  template <class See>
  void visit_all(const See& see) const {
    visit_all_below(root_, see);
  }

  // Whether there is one that matches.
  [[nodiscard]] bool any(std::string_view channel) const {
    return !visit(channel, [](const Value&) { return false; });
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // How many nodes were met since the start, for those who measure what a look costs.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  struct Node {
    [[nodiscard]] const Node* child(std::string_view segment) const {
      if (segment == "*") return star.get();
      if (segment == "**") return deep.get();
      const auto found = children.find(segment);
      return found == children.end() ? nullptr : found->second.get();
    }
    [[nodiscard]] Node& make_child(std::string_view segment) {
      std::unique_ptr<Node>* place = nullptr;
      if (segment == "*") {
        place = &star;
      } else if (segment == "**") {
        place = &deep;
      } else if (const auto found = children.find(segment); found != children.end()) {
        place = &found->second;
      } else {
        place = &children.emplace(std::string(segment), std::make_unique<Node>()).first->second;
      }
      if (*place == nullptr) *place = std::make_unique<Node>();
      return **place;
    }
    void erase_child(std::string_view segment) {
      if (segment == "*") {
        star.reset();
      } else if (segment == "**") {
        deep.reset();
      } else {
        children.erase(children.find(segment));
      }
    }
    [[nodiscard]] bool is_needed() const {
      return value || star != nullptr || deep != nullptr || !children.empty();
    }

    std::optional<Value> value;
    std::unique_ptr<Node> star;
    std::unique_ptr<Node> deep;
    std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> children;
  };

  // `wildcards`: they may match the first of these segments.
  template <class See>
  bool visit_below(const Node& node, std::string_view rest, bool wildcards, const See& see) const {
    ++steps_;
    if (rest.empty()) return !node.value || see(*node.value);
    if (wildcards && node.deep != nullptr && node.deep->value && !see(*node.deep->value)) return false;
    const std::string_view segment = take_segment(rest);
    if (wildcards && node.star != nullptr && !visit_below(*node.star, rest, true, see)) return false;
    if (node.children.empty()) return true;
    const auto found = node.children.find(segment);
    if (found == node.children.end() || found->second == nullptr) return true;
    return visit_below(*found->second, rest, true, see);
  }

  template <class See>
  void visit_all_below(const Node& node, const See& see) const {
    if (node.value) see(*node.value);
    for (const Node* child : {node.star.get(), node.deep.get()}) {
      if (child != nullptr) visit_all_below(*child, see);
    }
    for (const auto& [segment, child] : node.children) {
      if (child != nullptr) visit_all_below(*child, see);
    }
  }

  bool erase_below(Node& node, std::string_view rest) {
    if (rest.empty()) {
      if (!node.value) return false;
      node.value.reset();
      return true;
    }
    const std::string_view segment = take_segment(rest);
    auto* child = const_cast<Node*>(node.child(segment));
    if (child == nullptr || !erase_below(*child, rest)) return false;
    if (!child->is_needed()) node.erase_child(segment);
    return true;
  }

  Node root_;
  std::size_t size_ = 0;
  mutable std::uint64_t steps_ = 0;
};

}  // namespace wskit::server
