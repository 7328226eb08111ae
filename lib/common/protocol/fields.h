// The members of a JSON object that have a meaning to us, by name, as slices of
// the object's text.
//
// Threads: plain values and pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/json_text.h"

namespace wskit::protocol {

// The names on the wire of an enum's values 0 to kCount - 1. None is empty.
template <class Field, std::size_t kCount>
struct FieldNames {
  std::array<std::string_view, kCount> names;

  constexpr explicit(false) FieldNames(const std::array<std::string_view, kCount>& all) : names(all) {
    for (std::size_t i = 0; i < kCount; ++i) {
      std::size_t slot = slot_of(names[i]);
      while (slots[slot] != kNone) slot = (slot + 1) % kSlots;
      slots[slot] = static_cast<std::uint8_t>(i);
    }
  }

  constexpr std::string_view operator[](Field field) const { return names[static_cast<std::size_t>(field)]; }

  // `key` as it is written, perhaps with escapes.
  [[nodiscard]] std::optional<Field> find(std::string_view key) const {
    if (key.empty()) return std::nullopt;
    for (std::size_t slot = slot_of(key); slots[slot] != kNone; slot = (slot + 1) % kSlots) {
      if (names[slots[slot]] == key) return static_cast<Field>(slots[slot]);
    }
    if (key.find('\\') == std::string_view::npos) return std::nullopt;
    std::string decoded;
    if (!append_decoded(decoded, key) || decoded.find('\\') != std::string::npos) return std::nullopt;
    return find(decoded);
  }

 private:
  // Where each name is found: looked for from its slot on, up to one that is free. Only
  // names that are known here stand in it, so that no key makes the look long.
  static constexpr std::size_t kSlots = 64;
  static constexpr std::uint8_t kNone = UINT8_MAX;
  static_assert(kCount < kSlots);
  static constexpr std::size_t slot_of(std::string_view name) {
    const auto byte = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c)); };
    return (7 * name.size() + 3 * byte(name.front()) + byte(name.back())) % kSlots;
  }
  static constexpr std::array<std::uint8_t, kSlots> none() {
    std::array<std::uint8_t, kSlots> all{};
    all.fill(kNone);
    return all;
  }
  std::array<std::uint8_t, kSlots> slots = none();
};

template <class Field, std::size_t kCount>
class FieldSlices {
 public:
  void put(Field field, std::string_view value) {
    if (has(field) && !repeated_) repeated_ = field;
    values_[static_cast<std::size_t>(field)] = value;
    seen_ |= bit(field);
  }

  // A member that has no meaning to us. `key` as it is written.
  void pass_over(std::string_view key) {
    if (!unknown_) unknown_ = key;
  }

  [[nodiscard]] bool has(Field field) const { return (seen_ & bit(field)) != 0; }

  // The JSON text of the field's value; empty if it is absent.
  [[nodiscard]] std::string_view operator[](Field field) const {
    return has(field) ? values_[static_cast<std::size_t>(field)] : std::string_view();
  }

  // Of all values together.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < kCount; ++i) bytes += (seen_ >> i & 1U) != 0 ? values_[i].size() : 0;
    return bytes;
  }

  // The first field that came a second time.
  [[nodiscard]] std::optional<Field> repeated() const { return repeated_; }

  // The first member that was passed over, as it is written.
  [[nodiscard]] const std::optional<std::string_view>& unknown() const { return unknown_; }

  // Several fields as one number.
  [[nodiscard]] static constexpr std::uint32_t set_of(std::initializer_list<Field> fields) {
    std::uint32_t set = 0;
    for (const Field field : fields) set |= bit(field);
    return set;
  }

  // The first field that is there and not in the set.
  [[nodiscard]] std::optional<Field> outside(std::uint32_t set) const {
    const std::uint32_t rest = seen_ & ~set;
    if (rest == 0) return std::nullopt;
    return static_cast<Field>(std::countr_zero(rest));
  }

  void clear() {
    seen_ = 0;
    repeated_.reset();
    unknown_.reset();
  }

 private:
  static_assert(kCount <= 32);
  static constexpr std::uint32_t bit(Field field) { return std::uint32_t{1} << static_cast<unsigned>(field); }

  std::array<std::string_view, kCount> values_;  // only those seen count
  std::uint32_t seen_ = 0;
  std::optional<Field> repeated_;
  std::optional<std::string_view> unknown_;
};

// Slices the known fields out of the object that comes next, and passes over the
// others, which unknown() tells; whether that went well the scanner tells.
template <class Field, std::size_t kCount>
void slice_fields(JsonScanner& scanner, const FieldNames<Field, kCount>& names,
                  FieldSlices<Field, kCount>& fields) {
  std::string_view key;
  for (bool more = scanner.begin_object(key); more; more = scanner.next_member(key)) {
    const std::string_view value = scanner.value();
    const std::optional<Field> field = names.find(key);
    if (field) {
      fields.put(*field, value);
    } else {
      fields.pass_over(key);
    }
  }
}

// The text that a checked JSON string stands for: a slice of it, or, where it has
// escapes, decoded into `storage`. What was decoded before stays where it is as
// long as all of it comes from one message of `message_bytes`, for decoding never
// makes text longer. Nothing if it holds half a surrogate pair.
[[nodiscard]] inline std::optional<std::string_view> string_text(std::string_view string,
                                                                 std::size_t message_bytes,
                                                                 std::string& storage) {
  const std::string_view content = string.substr(1, string.size() - 2);
  if (content.find('\\') == std::string_view::npos) return content;
  storage.reserve(message_bytes);
  const std::size_t first = storage.size();
  if (!append_decoded(storage, content)) return std::nullopt;
  return std::string_view(storage).substr(first);
}

}  // namespace wskit::protocol
