// The parts of a token as it has them: of each member that somebody asks for, the text of
// its value.
//
// Nothing is made of a value before it is known to be of the right type, so reading a token
// takes no memory but its text, and throws where there is none: libraries whose values end
// the process there are for those who run alone.
//
// Threads: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wskit::server::auth {

// The claims that this server reads. The rest is passed over, whatever values it has.
inline constexpr std::array<std::string_view, 9> kClaims{"admin", "aud", "channels",  "exp",    "iss",
                                                         "nbf",   "sub", "subscribe", "publish"};

class ClaimSet {
 public:
  ClaimSet() = default;
  // The members of these names, which are literals, of the object that `text` holds; of
  // one that stands there twice the last. Nothing: it holds no object.
  [[nodiscard]] static std::optional<ClaimSet> read(std::string text,
                                                    std::span<const std::string_view> names = kClaims);

  // The JSON text of its value; nothing: it is absent.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

 private:
  struct Member {
    std::string_view name;
    std::size_t begin = 0;  // in text_, which may move
    std::size_t size = 0;
  };

  std::string text_;
  std::vector<Member> members_;
};

// What a value is; nothing: it is something else, or fits into no such value.
[[nodiscard]] std::optional<std::string> text_of(std::string_view value);
[[nodiscard]] std::optional<double> number_of(std::string_view value);
[[nodiscard]] std::optional<bool> boolean_of(std::string_view value);
// Of an integer of 64 bits, with or without a sign, its digits.
[[nodiscard]] std::optional<std::string> integer_of(std::string_view value);
// The texts of an array of them; of a text alone, that one.
[[nodiscard]] std::optional<std::vector<std::string>> texts_of(std::string_view value);

}  // namespace wskit::server::auth
