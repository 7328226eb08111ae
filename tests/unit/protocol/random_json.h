// JSON texts nobody would think of, the same ones for the same seed.
#pragma once

#include <random>
#include <string>

namespace wskit::protocol {

// What the texts may hold that is valid JSON and that libraries refuse.
struct RandomJsonOptions {
  bool lone_surrogates = true;
  bool huge_numbers = true;
};

class RandomJson {
 public:
  explicit RandomJson(unsigned seed, RandomJsonOptions options = {}) : random_(seed), options_(options) {}

  // One value, with white space where the grammar lets it be.
  std::string value() {
    std::string out;
    append_value(out, 0);
    return out;
  }

  // A string with its quotes, escapes included.
  std::string string();

  // A whole number from 0 to `bound` - 1.
  std::size_t pick(std::size_t bound) { return random_() % bound; }

 private:
  void append_value(std::string& out, int depth);
  void append_object(std::string& out, int depth);
  void append_array(std::string& out, int depth);
  void append_string(std::string& out);
  void append_escape(std::string& out);
  void append_number(std::string& out);
  void append_digits(std::string& out, std::size_t most);
  void append_space(std::string& out);

  std::mt19937 random_;
  RandomJsonOptions options_;
};

}  // namespace wskit::protocol
