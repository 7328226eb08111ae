// The first of two steps from a command's text to its meaning: the text is
// checked to be JSON, and the fields that any command may have are cut out.
//
// Threads: one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/protocol/command_fields.h"
#include "common/protocol/error.h"
#include "common/protocol/json_text.h"

namespace wskit::protocol {

// Keeps its buffers from one command to the next.
class CommandSlices {
 public:
  // One element of an array `events`: an event to publish, or an event type.
  struct Element {
    std::string_view text;
    CommandFields fields;  // of an object
  };

  // kBadJson or, for JSON that is no object, kBadCommand. The fields that were
  // found before a fault are there all the same.
  [[nodiscard]] Result<void> cut(std::string_view text);

  [[nodiscard]] const CommandFields& fields() const { return fields_; }

  // Of an array `events`, cut out in the same pass, for a batch is long. At most
  // kMaxListElements; has_more_elements() tells whether there were more.
  [[nodiscard]] std::span<const Element> elements() const { return {elements_.data(), element_count_}; }
  [[nodiscard]] bool has_more_elements() const { return has_more_elements_; }

 private:
  void cut_fields(JsonScanner& scanner);
  std::string_view cut_elements(JsonScanner& scanner);

  CommandFields fields_;
  std::vector<Element> elements_;  // only grows
  std::size_t element_count_ = 0;  // how many of them are of this command
  bool has_more_elements_ = false;
};

}  // namespace wskit::protocol
