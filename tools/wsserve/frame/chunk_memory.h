// The memory that chunks lie in: blocks of a few sizes, cut from slabs of 64 KiB, used
// again by the next chunk of that size.
//
// This is our own because each event makes a chunk that its channel keeps for a while.
// In an arena of glibc that is not the main one every 4 KiB of growth is a call of
// mprotect(2) and a page fault: 0.07 calls for each event of 300 bytes (strace -c on
// `wsbench -K 1000 --rate max`). Slabs come from regions of 2 MiB, and from the second
// one on the kernel is asked for huge pages, which are one fault each.
//
// A block belongs to the pool of the thread that took it. Another thread that gives it
// back leaves it at that pool's door, where the owner finds it when it runs out. A slab
// of which nothing is used serves any size again, and regions of which nothing is used
// go back to the system, but for one of each pool.
//
// Under AddressSanitizer it is malloc(3), so that every chunk is watched.
//
// Threads: any.
#pragma once

#include <cstddef>

namespace wskit::server::chunk_memory {

// Chunks longer than that are malloc's.
inline constexpr std::size_t kMaxBlockBytes = 8192;

// Aligned for any object. Throws std::bad_alloc.
[[nodiscard]] void* take(std::size_t bytes);
// REQUIRES: take() returned it for as many bytes.
void give_back(void* memory, std::size_t bytes) noexcept;

// Takes back what other threads have given back to the running thread's pool, so that
// memory goes back to the system also where no chunk is made any more.
void collect() noexcept;

// What the running thread's pool has from the system, for tests.
[[nodiscard]] std::size_t region_bytes();
inline constexpr std::size_t kRegionBytes = std::size_t{2} << 20;

}  // namespace wskit::server::chunk_memory
