#include "wspub/journal_input.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>

#include "wspub/input_mark.h"

namespace wskit::pub {
namespace {

// Of older ones nobody asks.
constexpr int kMostRotated = 1000;

// Nothing where there is no regular file.
std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status;
}

class Search {
 public:
  Search(boost::asio::io_context& io, const SourceOptions& source, const JournalEntry& entry)
      : io_(io), source_(source), entry_(entry) {}

  FollowedFiles run() {
    const std::string& name = source_.files.back();
    if (has_inode(name) && stands_in(name)) return {};
    const std::vector<std::string> rotated = rotated_names(name);
    const auto by_inode = std::find_if(rotated.begin(), rotated.end(), [this](const std::string& path) {
      return entry_.inode != 0 && has_inode(path) && stands_in(path);
    });
    if (by_inode != rotated.end()) return from(rotated, by_inode);
    if (const std::string moved = moved_name(name); !moved.empty()) return {{moved}, true};
    const auto by_content = std::find_if(rotated.begin(), rotated.end(),
                                         [this](const std::string& path) { return stands_in(path); });
    if (by_content != rotated.end()) return from(rotated, by_content);
    // The same text in another file: it was copied, or brought back.
    return {{}, !stands_in(name)};
  }

 private:
  using Names = std::vector<std::string>;

  // The newest first.
  static Names rotated_names(const std::string& name) {
    Names names;
    for (int i = 1; i <= kMostRotated; ++i) {
      std::string path = name + "." + std::to_string(i);
      if (!status_of(path)) break;
      names.push_back(std::move(path));
    }
    return names;
  }

  static FollowedFiles from(const Names& rotated, Names::const_iterator oldest) {
    FollowedFiles files{{rotated.begin(), std::next(oldest)}, true};
    std::reverse(files.before.begin(), files.before.end());
    return files;
  }

  // A name beside `name` that the mark's file has; empty: none.
  [[nodiscard]] std::string moved_name(const std::string& name) const {
    if (entry_.inode == 0) return {};
    const std::filesystem::path folder = std::filesystem::path(name).parent_path();
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder.empty() ? "." : folder, error), end;
         !error && at != end; at.increment(error)) {
      const std::string path = (folder / at->path().filename()).string();
      if (path != name && has_inode(path) && stands_in(path)) return path;
    }
    return {};
  }

  // Or none is known.
  [[nodiscard]] bool has_inode(const std::string& path) const {
    const auto status = status_of(path);
    return status && (entry_.inode == 0 || status->st_ino == entry_.inode);
  }

  // Whether the mark's records are the first ones of this file.
  [[nodiscard]] bool stands_in(const std::string& path) const {
    const auto status = status_of(path);
    if (!status || static_cast<std::uint64_t>(status->st_size) < entry_.mark.bytes) return false;
    SourceOptions options = source_;
    options.files = {path};
    options.follow = false;
    LineSource records(io_, std::move(options), {});
    InputMeter meter;
    while (meter.mark().records < entry_.mark.records) {
      const LineSource::Item item = records.next();
      if (item.number == 0) return false;
      meter.add(item.text);
      if (item.last) meter.end_record();
    }
    return meter.mark() == entry_.mark;
  }

  boost::asio::io_context& io_;
  const SourceOptions& source_;
  const JournalEntry& entry_;
};

}  // namespace

FollowedFiles find_followed(boost::asio::io_context& io, const SourceOptions& source,
                            const JournalEntry& entry) {
  if (entry.mark.records == 0) return {};
  return Search(io, source, entry).run();
}

}  // namespace wskit::pub
