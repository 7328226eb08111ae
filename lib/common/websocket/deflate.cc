#include "common/websocket/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <new>
#include <stdexcept>

namespace wskit::websocket {

namespace {

// What a flush ends with: cut from every message (RFC 7692 section 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);

// Room that keeps a flush from being cut, and so repeated (zlib.h on deflate).
constexpr std::size_t kFlushRoom = 16;

// zlib's lengths are unsigned int; longer input goes in pieces.
constexpr std::size_t kMaxStep = std::size_t{1} << 30;

constexpr std::size_t kMinInflateStep = 512;
constexpr std::size_t kMaxInflateStep = std::size_t{64} << 10;

// zlib declares its input non-const where ZLIB_CONST is not set, and never writes to it.
Bytef* as_input(const char* bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes)); }

void require_memory(int result) {
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
}

void require_window(int window_bits) {
  if (window_bits < 9 || window_bits > 15) throw std::invalid_argument("deflate: window bits are 9 to 15");
}

}  // namespace

struct Deflater::Stream {
  z_stream z{};
  bool dirty = false;  // has compressed something since it was new

  ~Stream() { deflateEnd(&z); }

  void write(std::string_view input, int flush, std::string& out);
};

// Appends what `input` becomes. With Z_NO_FLUSH zlib may hold some of it back.
void Deflater::Stream::write(std::string_view input, int flush, std::string& out) {
  z.next_in = as_input(input.data());
  z.avail_in = static_cast<uInt>(input.size());
  std::size_t room = deflateBound(&z, static_cast<uLong>(input.size())) + kFlushRoom;
  do {
    const std::size_t before = out.size();
    out.resize(before + room);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = static_cast<uInt>(room);
    [[maybe_unused]] const int result = deflate(&z, flush);
    assert(result == Z_OK || result == Z_BUF_ERROR);
    out.resize(before + room - z.avail_out);
  } while (z.avail_out == 0);
}

Deflater::Deflater(int window_bits, bool keep_context, int level)
    : stream_(std::make_unique<Stream>()), keep_context_(keep_context) {
  require_window(window_bits);
  constexpr int kMemoryLevel = 8;
  const int result =
      deflateInit2(&stream_->z, level, Z_DEFLATED, -window_bits, kMemoryLevel, Z_DEFAULT_STRATEGY);
  require_memory(result);
  if (result != Z_OK) throw std::invalid_argument("deflate: the level is 0 to 9");
}

Deflater::~Deflater() = default;

void Deflater::compress(std::string_view message, std::string& out) {
  if (message.empty()) {
    out.push_back('\0');  // an empty stored block (section 7.2.3.6); zlib would not flush twice in a row
    return;
  }
  if (stream_->dirty && !keep_context_) deflateReset(&stream_->z);
  stream_->dirty = true;
  for (; message.size() > kMaxStep; message.remove_prefix(kMaxStep)) {
    stream_->write(message.substr(0, kMaxStep), Z_NO_FLUSH, out);
  }
  stream_->write(message, Z_SYNC_FLUSH, out);
  assert(out.ends_with(kTail));
  out.resize(out.size() - kTail.size());
}

struct Inflater::Stream {
  z_stream z{};
  bool dirty = false;        // has seen input since it was new
  bool mid_message = false;  // some of a message has been fed and not its end
  bool after_final = false;  // the last block fed was marked final and nothing came after it

  ~Stream() { inflateEnd(&z); }

  Status write(std::string_view input, std::size_t max_bytes, std::string& out);
  Status finish(std::size_t max_bytes, std::string& out);

 private:
  Status write_step(std::string_view input, std::size_t max_bytes, std::string& out);
  int fill(std::size_t max_bytes, std::string& out);
  [[nodiscard]] bool between_blocks() const;
};

// One call of zlib, with room for one byte past the limit at most.
int Inflater::Stream::fill(std::size_t max_bytes, std::string& out) {
  const std::size_t before = out.size();
  const std::size_t step = std::clamp(std::size_t{z.avail_in} * 4, kMinInflateStep, kMaxInflateStep);
  const std::size_t room = std::min(step - 1, max_bytes - before) + 1;
  out.resize(before + room);
  z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  z.avail_out = static_cast<uInt>(room);
  const int result = ::inflate(&z, Z_SYNC_FLUSH);
  out.resize(before + room - z.avail_out);
  return result;
}

Inflater::Status Inflater::Stream::write_step(std::string_view input, std::size_t max_bytes,
                                              std::string& out) {
  z.next_in = as_input(input.data());
  z.avail_in = static_cast<uInt>(input.size());
  // Output may remain when the input is used up: only spare room says that it does not.
  do {
    const int result = fill(max_bytes, out);
    if (out.size() > max_bytes) return Status::kTooLarge;
    require_memory(result);
    after_final = result == Z_STREAM_END;
    if (after_final) {
      // A final block ends no message, and the next may refer to what was before it
      // (section 7.2.3.4): start the next one with the same window.
      inflateResetKeep(&z);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Status::kCorrupt;
    }
  } while (z.avail_in != 0 || (z.avail_out == 0 && !after_final));
  return Status::kOk;
}

Inflater::Status Inflater::Stream::write(std::string_view input, std::size_t max_bytes, std::string& out) {
  if (out.size() > max_bytes) return Status::kTooLarge;
  while (!input.empty()) {
    const std::string_view step = input.substr(0, kMaxStep);
    dirty = mid_message = true;
    const Status status = write_step(step, max_bytes, out);
    if (status != Status::kOk) return status;
    input.remove_prefix(step.size());
  }
  return Status::kOk;
}

// zlib.h, inflate(): 128 says that it stands before a block, the low bits how
// much of the last byte is unused.
bool Inflater::Stream::between_blocks() const { return z.data_type == 128; }

Inflater::Status Inflater::Stream::finish(std::size_t max_bytes, std::string& out) {
  // A message of no bytes at all, or that ends with its final block, lacks the
  // octet that the tail completes; others accept it, and so does this.
  const bool whole = !mid_message || after_final;
  mid_message = after_final = false;
  if (whole) return Status::kOk;
  const std::size_t before = out.size();
  const Status status = write(kTail, max_bytes, out);
  mid_message = false;
  if (status != Status::kOk) return status;
  // Where the tail became text, it stood in for bytes that are missing.
  return between_blocks() && out.size() == before ? Status::kOk : Status::kCorrupt;
}

Inflater::Inflater(int window_bits, bool keep_context)
    : stream_(std::make_unique<Stream>()), keep_context_(keep_context) {
  require_window(window_bits);
  require_memory(inflateInit2(&stream_->z, -window_bits));
}

Inflater::~Inflater() = default;

Inflater::Status Inflater::inflate(std::span<const char> part, bool last, std::size_t max_bytes,
                                   std::string& out) {
  Status status = stream_->write({part.data(), part.size()}, max_bytes, out);
  if (status == Status::kOk && last) status = stream_->finish(max_bytes, out);
  if (status != Status::kOk || (last && !keep_context_)) reset();
  return status;
}

void Inflater::reset() {
  if (stream_->dirty) inflateReset(&stream_->z);
  stream_->dirty = stream_->mid_message = stream_->after_final = false;
}

}  // namespace wskit::websocket
