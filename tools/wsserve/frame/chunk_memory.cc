#include "wsserve/frame/chunk_memory.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define WSKIT_CHUNKS_BY_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WSKIT_CHUNKS_BY_MALLOC 1
#endif
#endif

namespace wskit::server::chunk_memory {
namespace {

#ifdef WSKIT_CHUNKS_BY_MALLOC
constexpr bool kByMalloc = true;
#else
constexpr bool kByMalloc = false;
#endif

constexpr std::size_t kSlabBytes = std::size_t{64} << 10;
constexpr std::size_t kSlabsPerRegion = kRegionBytes / kSlabBytes;

// Steps of 64 bytes up to 1 KiB, of 128 up to 2 KiB, of 256 and of 512: what is lost of a
// block is at most an eighth of it, but for the smallest.
constexpr std::size_t kFineBytes = 1024;
constexpr std::size_t kFineClasses = kFineBytes / 64;
constexpr std::size_t kClasses = kFineClasses + 3 * 8;

// REQUIRES: 0 < bytes <= kMaxBlockBytes.
constexpr std::size_t class_of(std::size_t bytes) {
  if (bytes <= kFineBytes) return (bytes + 63) / 64 - 1;
  const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 11;  // 0: 1025 to 2048
  const std::size_t step = std::size_t{128} << octave;
  return kFineClasses + 8 * octave + (bytes - (kFineBytes << octave) + step - 1) / step - 1;
}

constexpr std::size_t class_bytes(std::size_t index) {
  if (index < kFineClasses) return 64 * (index + 1);
  const std::size_t octave = (index - kFineClasses) / 8;
  return (kFineBytes << octave) + (std::size_t{128} << octave) * ((index - kFineClasses) % 8 + 1);
}

static_assert(class_of(kMaxBlockBytes) == kClasses - 1 && class_bytes(kClasses - 1) == kMaxBlockBytes);
static_assert(class_of(1024) == 15 && class_of(1025) == 16 && class_bytes(16) == 1152 && class_of(1) == 0);

class Pool;

// A block that is not used.
struct Free {
  Free* next;
};

// Stands at the beginning of its 64 KiB, which are aligned to as many.
struct alignas(64) Slab {
  Pool* owner = nullptr;
  Free* free = nullptr;   // blocks given back
  char* fresh = nullptr;  // the first that was never taken, up to `end`
  char* end = nullptr;
  std::uint32_t used = 0;
  std::uint32_t size_class = 0;
  // Among those of its class that have room.
  Slab* next = nullptr;
  Slab* previous = nullptr;
  bool listed = false;

  [[nodiscard]] bool has_room() const { return free != nullptr || fresh != end; }
};

Slab& slab_of(void* block) {
  return *reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(kSlabBytes - 1));
}

// The memory of one thread at a time, but for leave_at_door().
class Pool {
 public:
  void* take(std::size_t size_class) {
    if (rooms_[size_class] == nullptr && !(fetch_from_door() && rooms_[size_class] != nullptr)) {
      list(begin_slab(size_class));
    }
    Slab& slab = *rooms_[size_class];
    void* block = slab.free;
    if (slab.free != nullptr) {
      slab.free = slab.free->next;
    } else {
      block = slab.fresh;
      slab.fresh += class_bytes(size_class);
    }
    ++slab.used;
    if (!slab.has_room()) unlist(slab);
    return block;
  }

  void give_back(void* block) noexcept {
    Slab& slab = slab_of(block);
    slab.free = new (block) Free{slab.free};
    --slab.used;
    if (!slab.listed) list(slab);
    if (slab.used == 0) end_slab(slab);
  }

  void leave_at_door(void* block) noexcept {
    Free* const left = new (block) Free{door_.load(std::memory_order_relaxed)};
    while (!door_.compare_exchange_weak(left->next, left, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
  }

  void collect() noexcept { (void)fetch_from_door(); }

  [[nodiscard]] std::size_t region_bytes() const { return regions_.size() * kRegionBytes; }

 private:
  using Regions =
      std::map<std::uintptr_t, std::size_t>;  // its beginning, and how many of its slabs are spare

  // Whether anything was there.
  bool fetch_from_door() noexcept {
    Free* left = door_.exchange(nullptr, std::memory_order_acquire);
    if (left == nullptr) return false;
    while (left != nullptr) give_back(std::exchange(left, left->next));
    return true;
  }

  void list(Slab& slab) noexcept {
    Slab*& first = rooms_[slab.size_class];
    slab.previous = nullptr;
    slab.next = first;
    if (first != nullptr) first->previous = &slab;
    first = &slab;
    slab.listed = true;
  }

  void unlist(Slab& slab) noexcept {
    (slab.previous == nullptr ? rooms_[slab.size_class] : slab.previous->next) = slab.next;
    if (slab.next != nullptr) slab.next->previous = slab.previous;
    slab.next = slab.previous = nullptr;
    slab.listed = false;
  }

  Slab& begin_slab(std::size_t size_class) {
    if (spare_ == nullptr) add_region();
    Slab* const slab = spare_;
    spare_ = slab->next;
    if (region_of(*slab)->second-- == kSlabsPerRegion) --whole_;
    const std::size_t blocks = (kSlabBytes - sizeof(Slab)) / class_bytes(size_class);
    char* const first = reinterpret_cast<char*>(slab + 1);
    new (slab) Slab{.owner = this,
                    .free = nullptr,
                    .fresh = first,
                    .end = first + blocks * class_bytes(size_class),
                    .used = 0,
                    .size_class = static_cast<std::uint32_t>(size_class),
                    .next = nullptr,
                    .previous = nullptr,
                    .listed = false};
    return *slab;
  }

  void end_slab(Slab& slab) noexcept {
    unlist(slab);
    slab.next = spare_;
    spare_ = &slab;
    const Regions::iterator region = region_of(slab);
    if (++region->second < kSlabsPerRegion) return;
    // One stays, so that a need that goes up and down by a slab costs no region each time.
    if (whole_ > 0) return drop_region(region);
    ++whole_;
  }

  Regions::iterator region_of(const Slab& slab) noexcept {
    return regions_.find(reinterpret_cast<std::uintptr_t>(&slab) & ~(kRegionBytes - 1));
  }

  void add_region() {
    // Twice as much, for a place in it that is aligned.
    void* const mapped =
        ::mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
    const std::uintptr_t region = (begin + kRegionBytes - 1) & ~(kRegionBytes - 1);
    if (region != begin) ::munmap(mapped, region - begin);
    const std::uintptr_t end = begin + 2 * kRegionBytes;
    if (end != region + kRegionBytes) {
      ::munmap(reinterpret_cast<void*>(region + kRegionBytes), end - region - kRegionBytes);
    }
    try {
      regions_.emplace(region, kSlabsPerRegion);
    } catch (...) {
      ::munmap(reinterpret_cast<void*>(region), kRegionBytes);
      throw;
    }
    ++whole_;
    // A server of a few events takes no 2 MiB for them. Where there are no huge pages it
    // does without.
    if (regions_.size() > 1) ::madvise(reinterpret_cast<void*>(region), kRegionBytes, MADV_HUGEPAGE);
    // The one at the beginning is used first.
    for (std::size_t i = kSlabsPerRegion; i > 0; --i) {
      spare_ =
          new (reinterpret_cast<void*>(region + (i - 1) * kSlabBytes)) Slab{.owner = this, .next = spare_};
    }
  }

  void drop_region(Regions::iterator region) noexcept {
    const std::uintptr_t begin = region->first;
    for (Slab** at = &spare_; *at != nullptr;) {
      const auto place = reinterpret_cast<std::uintptr_t>(*at);
      if (place >= begin && place < begin + kRegionBytes) {
        *at = (*at)->next;
      } else {
        at = &(*at)->next;
      }
    }
    regions_.erase(region);
    ::munmap(reinterpret_cast<void*>(begin), kRegionBytes);
  }

  std::array<Slab*, kClasses> rooms_{};  // of each class the slabs that have room
  Slab* spare_ = nullptr;                // slabs of no class
  std::size_t whole_ = 0;                // regions all of whose slabs are spare
  Regions regions_;
  alignas(64) std::atomic<Free*> door_{nullptr};  // given back by others
};

// Chunks outlive the thread that made them, and so does its pool: the next thread takes
// it over.
class Pools {
 public:
  Pool* take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      idle_.reserve(++made_);
      return new Pool();
    }
    Pool* pool = idle_.back();
    idle_.pop_back();
    return pool;
  }
  void give_back(Pool* pool) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.push_back(pool);  // there is room for all that were made
  }

 private:
  std::mutex mutex_;
  std::vector<Pool*> idle_;
  std::size_t made_ = 0;
};

// Never destroyed: chunks may be released at any time.
Pools& pools() {
  static Pools& all = *new Pools();
  return all;
}

thread_local Pool* own_pool = nullptr;

// Gives the pool of a thread that ends to the next one.
struct PoolKeeper {
  Pool* pool = pools().take();
  PoolKeeper() = default;
  PoolKeeper(const PoolKeeper&) = delete;
  PoolKeeper& operator=(const PoolKeeper&) = delete;
  ~PoolKeeper() {
    own_pool = nullptr;
    pools().give_back(pool);
  }
};

Pool& pool_of_this_thread() {
  if (own_pool == nullptr) {
    thread_local const PoolKeeper keeper;
    own_pool = keeper.pool;
  }
  return *own_pool;
}

}  // namespace

void* take(std::size_t bytes) {
  if (!kByMalloc && bytes <= kMaxBlockBytes) return pool_of_this_thread().take(class_of(bytes));
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory, std::size_t bytes) noexcept {
  if (kByMalloc || bytes > kMaxBlockBytes) return std::free(memory);
  Pool* const owner = slab_of(memory).owner;
  if (owner == own_pool) return owner->give_back(memory);
  owner->leave_at_door(memory);
}

void collect() noexcept {
  if (own_pool != nullptr) own_pool->collect();
}

std::size_t region_bytes() { return kByMalloc ? 0 : pool_of_this_thread().region_bytes(); }

}  // namespace wskit::server::chunk_memory
