#include "wspub/journal_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "common/protocol/fields.h"
#include "common/protocol/json_text.h"
#include "common/protocol/json_value.h"

namespace wskit::pub {
namespace {

constexpr std::string_view kChecksumName = R"(,"checksum":")";
constexpr std::uint64_t kNewestFormat = 1;

enum class JournalMember : std::uint8_t {
  kFormat,
  kSequence,
  kProducer,
  kSeparator,
  kBefore,
  kRecords,
  kBytes,
  kDigest,
  kInode
};
constexpr protocol::FieldNames<JournalMember, 9> kJournalMembers{
    {"wspub-journal", "sequence", "producer", "separator", "before", "records", "bytes", "digest", "inode"}};

constexpr std::array<std::string_view, 3> kSeparators{"newline", "nul", "none"};

std::string journal_failure(std::string_view verb, const std::string& path) {
  return fmt::format("cannot {} the journal {}: {}", verb, path, std::generic_category().message(errno));
}

std::uint32_t checksum(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string_view> text_of(std::string_view json, std::string& storage) {
  if (!protocol::is_json_string(json)) return std::nullopt;
  return protocol::json_string(json, storage);
}

struct Slot {
  std::uint64_t version = 0;
  std::uint64_t sequence = 0;
  JournalEntry entry;
};

// Nothing where the slot was not written whole.
std::optional<Slot> read_slot(std::string_view text) {
  const std::size_t end = text.find(kChecksumName);
  if (end == std::string_view::npos) return std::nullopt;
  const auto sum = number_in<std::uint32_t>(text.substr(end + kChecksumName.size()).substr(0, 8), 16);
  if (sum != checksum(text.substr(0, end))) return std::nullopt;

  const std::string json = std::string(text.substr(0, end)) + "}";
  protocol::JsonScanner scanner(json);
  protocol::FieldSlices<JournalMember, 9> members;
  protocol::slice_fields(scanner, kJournalMembers, members);
  if (!scanner.finish()) return std::nullopt;
  std::string storage;
  Slot slot;
  const auto version = number_in<std::uint64_t>(members[JournalMember::kFormat]);
  const auto sequence = number_in<std::uint64_t>(members[JournalMember::kSequence]);
  if (!version || !sequence) return std::nullopt;
  slot.version = *version;
  slot.sequence = *sequence;
  if (slot.version != kNewestFormat) return slot;

  const auto before = number_in<std::uint64_t>(members[JournalMember::kBefore]);
  const auto records = number_in<std::uint64_t>(members[JournalMember::kRecords]);
  const auto bytes = number_in<std::uint64_t>(members[JournalMember::kBytes]);
  if (!before || !records || !bytes) return std::nullopt;
  slot.entry.before = *before;
  slot.entry.mark.records = *records;
  slot.entry.mark.bytes = *bytes;
  slot.entry.inode = number_in<std::uint64_t>(members[JournalMember::kInode]).value_or(0);
  const auto digest =
      number_in<std::uint32_t>(text_of(members[JournalMember::kDigest], storage).value_or(""), 16);
  if (!digest) return std::nullopt;
  slot.entry.mark.digest = *digest;
  slot.entry.producer = text_of(members[JournalMember::kProducer], storage).value_or("");
  const std::string_view separator = text_of(members[JournalMember::kSeparator], storage).value_or("");
  for (std::size_t i = 0; i < kSeparators.size(); ++i) {
    if (kSeparators[i] != separator) continue;
    slot.entry.separator = static_cast<Separator>(i);
    return slot;
  }
  return std::nullopt;
}

std::string slot_text(const JournalEntry& entry, std::uint64_t sequence) {
  std::string text = fmt::format(
      R"({{"wspub-journal":{},"sequence":{},"producer":"{}","separator":"{}","before":{},"records":{},)"
      R"("bytes":{},"digest":"{:08x}","inode":{})",
      kNewestFormat, sequence, entry.producer, kSeparators[static_cast<std::size_t>(entry.separator)],
      entry.before, entry.mark.records, entry.mark.bytes, entry.mark.digest, entry.inode);
  text += fmt::format(R"({}{:08x}"}})", kChecksumName, checksum(text));
  text.resize(JournalFile::kSlotBytes, ' ');
  text.back() = '\n';
  return text;
}

bool write_at(int fd, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += count;
  }
  return true;
}

// So that a new file's name is as lasting as what it says.
bool sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

}  // namespace

JournalFile::~JournalFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string JournalFile::open(const std::string& path, JournalEntry& entry) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  if (fd_ < 0) return journal_failure("open", path);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return journal_failure("lock", path);
    return fmt::format("the journal {} is in use by another wspub; give each run one of its own", path);
  }
  std::string content(2 * kSlotBytes, '\0');
  const ssize_t count = ::pread(fd_, content.data(), content.size(), 0);
  if (count < 0) return journal_failure("read", path);
  content.resize(static_cast<std::size_t>(count));
  if (!content.empty()) return read(content, entry);
  // Both slots, so that the file never grows again: a full disk cannot stop it.
  for (int i = 0; i < 2; ++i) {
    if (std::string error = write(entry); !error.empty()) return error;
  }
  return sync_directory_of(path) ? "" : journal_failure("create", path);
}

std::string JournalFile::read(std::string_view content, JournalEntry& entry) {
  std::optional<Slot> newest;
  for (std::size_t at = 0; at < content.size(); at += kSlotBytes) {
    auto slot = read_slot(content.substr(at, kSlotBytes));
    if (slot && (!newest || slot->sequence > newest->sequence)) newest = std::move(slot);
  }
  if (!newest) {
    return fmt::format(
        "{} is no journal of wspub, or is damaged; give another file, or remove this one to publish the "
        "input from its start",
        path_);
  }
  if (newest->version != kNewestFormat) {
    return fmt::format("the journal {} is of version {}, and this wspub knows version {}; use the newer one",
                       path_, newest->version, kNewestFormat);
  }
  entry = std::move(newest->entry);
  sequence_ = newest->sequence;
  return "";
}

std::string JournalFile::write(const JournalEntry& entry) {
  assert(fd_ >= 0);
  const std::uint64_t sequence = sequence_ + 1;
  const auto at = static_cast<off_t>(sequence % 2 * kSlotBytes);
  if (!write_at(fd_, slot_text(entry, sequence), at)) return journal_failure("write", path_);
  if (::fdatasync(fd_) != 0) return journal_failure("write", path_);
  sequence_ = sequence;
  return "";
}

}  // namespace wskit::pub
