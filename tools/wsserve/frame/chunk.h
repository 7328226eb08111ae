// Bytes on their way to sockets: whole WebSocket frames, immutable once shared,
// counted by reference. One chunk is one event's frame, or a run of several
// frames that go to a subscriber together.
//
// Threads: building one is its maker's alone; a shared chunk may be read and
// released from any thread.
#pragma once

#include <array>
#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wskit::server {

class Chunk;
using ChunkPtr = boost::intrusive_ptr<const Chunk>;

// What the fan-out must know of the event whose frame a chunk is.
struct EventInfo {
  std::uint64_t offset = 0;
  std::uint32_t header_bytes = 0;  // the WebSocket header before the JSON text
  std::uint32_t type_begin = 0;    // where in the chunk the event's type stands
  std::uint32_t type_bytes = 0;
  std::uint32_t key_begin = 0;  // the event's key as a JSON string; no bytes: none
  std::uint32_t key_bytes = 0;
  std::uint32_t data_begin = 0;  // where `"data":` stands
};

// The forms that an event may have besides its frame of JSON text.
enum class Form : std::uint8_t { kDeflated, kCbor };
inline constexpr std::size_t kForms = 2;

class Chunk {
 public:
  // A chunk of `size` bytes still to be written by its maker.
  [[nodiscard]] static boost::intrusive_ptr<Chunk> make(std::size_t size);
  [[nodiscard]] static boost::intrusive_ptr<Chunk> copy_of(std::string_view bytes);
  [[nodiscard]] static boost::intrusive_ptr<Chunk> join(std::span<const ChunkPtr> chunks);

  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  [[nodiscard]] char* data() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view bytes() const { return {data(), size_}; }

  // Of an event's frame.
  EventInfo event;
  [[nodiscard]] std::string_view type() const { return bytes().substr(event.type_begin, event.type_bytes); }
  [[nodiscard]] std::string_view key() const { return bytes().substr(event.key_begin, event.key_bytes); }
  [[nodiscard]] std::string_view text() const { return bytes().substr(event.header_bytes); }

  // The same event in another form, made once by whichever shard needs it first and
  // kept with it. Null until then. Any thread.
  [[nodiscard]] const Chunk* kept(Form form) const { return slot(form).load(std::memory_order_acquire); }
  // Keeps `chunk` as that form, or drops it if another shard was faster.
  const Chunk* keep(Form form, ChunkPtr chunk) const;

 private:
  explicit Chunk(std::size_t size) : size_(size) {}
  ~Chunk();

  friend void intrusive_ptr_add_ref(const Chunk* chunk) {
    chunk->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(const Chunk* chunk) {
    if (chunk->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(chunk);
  }
  static void destroy(const Chunk* chunk);
  [[nodiscard]] std::atomic<const Chunk*>& slot(Form form) const {
    return kept_[static_cast<std::size_t>(form)];
  }

  mutable std::atomic<std::uint32_t> references_{0};
  mutable std::array<std::atomic<const Chunk*>, kForms> kept_{};  // by Form
  std::size_t size_;
};

}  // namespace wskit::server
