#include "wsserve/frame/chunk.h"

#include <cstring>
#include <new>

#include "wsserve/frame/chunk_memory.h"

namespace wskit::server {

boost::intrusive_ptr<Chunk> Chunk::make(std::size_t size) {
  return boost::intrusive_ptr<Chunk>(new (chunk_memory::take(sizeof(Chunk) + size)) Chunk(size));
}

boost::intrusive_ptr<Chunk> Chunk::copy_of(std::string_view bytes) {
  auto chunk = make(bytes.size());
  std::memcpy(chunk->data(), bytes.data(), bytes.size());
  return chunk;
}

boost::intrusive_ptr<Chunk> Chunk::join(std::span<const ChunkPtr> chunks) {
  std::size_t size = 0;
  for (const ChunkPtr& chunk : chunks) size += chunk->size();
  auto joined = make(size);
  char* out = joined->data();
  for (const ChunkPtr& chunk : chunks) {
    std::memcpy(out, chunk->data(), chunk->size());
    out += chunk->size();
  }
  return joined;
}

const Chunk* Chunk::keep(Form form, ChunkPtr chunk) const {
  const Chunk* expected = nullptr;
  if (!slot(form).compare_exchange_strong(expected, chunk.get(), std::memory_order_acq_rel)) return expected;
  return chunk.detach();
}

Chunk::~Chunk() {
  for (const std::atomic<const Chunk*>& form : kept_) {
    if (const Chunk* kept = form.load(std::memory_order_acquire)) intrusive_ptr_release(kept);
  }
}

void Chunk::destroy(const Chunk* chunk) {
  const std::size_t bytes = sizeof(Chunk) + chunk->size();
  chunk->~Chunk();
  chunk_memory::give_back(const_cast<Chunk*>(chunk), bytes);
}

}  // namespace wskit::server
