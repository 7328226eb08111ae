// A queue that takes memory for what it holds and gives it back, and none while it is
// empty: for what there is one of a channel, for most channels hold little.
//
// A std::deque takes 576 bytes when it is made, and 512 at a time from then on.
//
// Threads: one at a time.
#pragma once

#include <boost/circular_buffer.hpp>
#include <cstddef>
#include <new>
#include <utility>

namespace wskit::server {

template <class Value>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  // How many it has memory for.
  [[nodiscard]] std::size_t capacity() const { return values_.capacity(); }
  [[nodiscard]] auto begin() const { return values_.begin(); }
  [[nodiscard]] auto end() const { return values_.end(); }
  [[nodiscard]] const Value& front() const { return values_.front(); }
  [[nodiscard]] const Value& back() const { return values_.back(); }

  // Throws std::bad_alloc, and holds what it held, where there is no memory.
  void push_back(Value value) {
    if (values_.full()) values_.set_capacity(values_.empty() ? kLeast : 2 * values_.size());
    values_.push_back(std::move(value));
  }
  // REQUIRES: !empty().
  void pop_back() { values_.pop_back(); }
  void pop_front() { values_.pop_front(); }

  // Gives back the memory of what has gone, where that is most of it. Moves what is
  // left, so it is not for each pop.
  void shrink() noexcept {
    if (values_.size() > values_.capacity() / 4) return;
    try {
      values_.set_capacity(2 * values_.size());
    } catch (const std::bad_alloc&) {
      // What it has is enough.
    }
  }

 private:
  static constexpr std::size_t kLeast = 4;

  boost::circular_buffer<Value> values_;
};

}  // namespace wskit::server
