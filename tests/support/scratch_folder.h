// A folder of somebody's own for as long as they live: for tests and benchmarks.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace wskit::test {

class ScratchFolder {
 public:
  // Throws std::system_error that names where none can be made.
  ScratchFolder() {
    // Short, for sockets in it: their paths have room for 108 bytes.
    std::string name = (std::filesystem::temp_directory_path() / "wskit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "no folder can be made as " + name);
    }
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace wskit::test
