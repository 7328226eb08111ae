// The options that a running server can take up by a reload. All others wait for a
// restart.
//
// Threads: one.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "common/cli/tool.h"

namespace wskit::server {

class LiveOptions {
 public:
  // Marks the option, where it is added, and returns it.
  CLI::Option* operator()(CLI::Option* option) {
    names_.insert(option->get_single_name());
    return option;
  }

  // `option`: its long name without the dashes.
  [[nodiscard]] bool has(std::string_view option) const { return names_.contains(option); }

 private:
  std::set<std::string, std::less<>> names_;
};

}  // namespace wskit::server
