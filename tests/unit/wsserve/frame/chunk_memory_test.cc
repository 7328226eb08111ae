#include "wsserve/frame/chunk_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace wskit::server::chunk_memory {
namespace {

struct Block {
  void* memory = nullptr;
  std::size_t bytes = 0;
  unsigned char filled = 0;
};

Block take_filled(std::size_t bytes, unsigned char fill) {
  Block block{take(bytes), bytes, fill};
  std::memset(block.memory, fill, bytes);
  return block;
}

bool is_untouched(const Block& block) {
  const std::vector<unsigned char> expected(block.bytes, block.filled);
  return std::memcmp(block.memory, expected.data(), block.bytes) == 0;
}

void give_all_back(std::vector<Block>& blocks) {
  for (const Block& block : blocks) give_back(block.memory, block.bytes);
  blocks.clear();
}

TEST(ChunkMemoryTest, BlocksOfEverySizeAreAlignedAndDoNotOverlap) {
  std::vector<Block> blocks;
  for (std::size_t bytes = 1; bytes <= kMaxBlockBytes + 100; ++bytes) {
    blocks.push_back(take_filled(bytes, static_cast<unsigned char>(bytes * 7)));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().memory) % alignof(std::max_align_t), 0U);
  }
  for (const Block& block : blocks) ASSERT_TRUE(is_untouched(block)) << block.bytes;
  give_all_back(blocks);
}

TEST(ChunkMemoryTest, RandomTakingAndGivingBackTouchesNoOtherBlock) {
  std::mt19937 random(11);
  std::vector<Block> blocks;
  for (int step = 0; step < 100'000; ++step) {
    // Many for a while, then few.
    const std::size_t wanted = step / 10'000 % 2 == 0 ? 4'000 : 50;
    if (blocks.size() < wanted && random() % 4 != 0) {
      blocks.push_back(take_filled(1 + random() % 2'000, static_cast<unsigned char>(random())));
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_TRUE(is_untouched(blocks.back()));
      give_back(blocks.back().memory, blocks.back().bytes);
      blocks.pop_back();
    }
  }
  give_all_back(blocks);
}

std::vector<Block> take_many(std::size_t count, std::size_t bytes) {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(take_filled(bytes, 1));
  return blocks;
}

// What is told of regions: there are none where chunks are malloc's, which is so under
// AddressSanitizer alone.
class ChunkRegionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<Block> blocks = take_many(1, 300);
    const std::size_t held = region_bytes();
    give_all_back(blocks);
    if (held == 0) GTEST_SKIP() << "chunks are malloc's under this sanitizer";
  }
};

TEST_F(ChunkRegionTest, WhatIsGivenBackServesTheNextOnesOfAnySize) {
  std::vector<Block> blocks = take_many(50'000, 300);
  const std::size_t held = region_bytes();
  for (const std::size_t bytes : {std::size_t{300}, std::size_t{400}, std::size_t{1'500}}) {
    give_all_back(blocks);
    blocks = take_many(50'000 * 300 / bytes, bytes);
    EXPECT_LE(region_bytes(), held + held / 4) << bytes;
  }
  give_all_back(blocks);
}

TEST_F(ChunkRegionTest, WhatIsNotUsedGoesBackToTheSystem) {
  std::vector<Block> blocks = take_many(200'000, 300);
  const std::size_t held = region_bytes();
  give_all_back(blocks);
  EXPECT_LE(region_bytes(), 4 * kRegionBytes) << "of " << held;
}

TEST_F(ChunkRegionTest, WhatAnotherThreadGaveBackGoesBackToTheSystemWhenItIsCollected) {
  std::vector<Block> blocks = take_many(100'000, 300);
  const std::size_t held = region_bytes();
  std::thread([&] { give_all_back(blocks); }).join();
  EXPECT_EQ(region_bytes(), held);
  collect();
  EXPECT_LE(region_bytes(), 2 * kRegionBytes);
}

// Hands blocks from one thread to another that gives them back.
class Handover {
 public:
  void put(std::vector<Block> blocks) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return blocks_.empty(); });
    blocks_ = std::move(blocks);
    changed_.notify_all();
  }
  void give_back_next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !blocks_.empty(); });
    for (const Block& block : blocks_) EXPECT_TRUE(is_untouched(block));
    give_all_back(blocks_);
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Block> blocks_;
};

TEST_F(ChunkRegionTest, WhatAnotherThreadGivesBackIsUsedAgain) {
  constexpr int kRounds = 200;
  Handover handover;
  std::thread other([&] {
    for (int round = 0; round < kRounds; ++round) handover.give_back_next();
  });
  std::size_t most = 0;
  for (int round = 0; round < kRounds; ++round) {
    handover.put(take_many(2'000, 400));
    most = std::max(most, region_bytes());
  }
  other.join();
  // Two rounds are on their way at a time; all of them together are 160 MB.
  EXPECT_LE(most, 8 * kRegionBytes);
}

TEST(ChunkMemoryTest, ManyThreadsGiveBackEachOthersBlocks) {
  constexpr std::size_t kThreads = 4;
  std::vector<Handover> handovers(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        std::vector<Block> blocks;
        for (std::size_t each = 0; each < 200; ++each) {
          blocks.push_back(take_filled(64 + 37 * each, static_cast<unsigned char>(each)));
        }
        handovers[i].put(std::move(blocks));
        handovers[(i + 1) % kThreads].give_back_next();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ChunkRegionTest, TheMemoryOfAThreadThatEndedServesTheNextOne) {
  std::vector<Block> left;
  std::size_t first = 0;
  std::thread([&] {
    left = take_many(20'000, 400);
    first = region_bytes();
  }).join();
  give_all_back(left);
  for (int round = 0; round < 5; ++round) {
    std::thread([&] {
      std::vector<Block> blocks = take_many(20'000, 400);
      EXPECT_LE(region_bytes(), first + kRegionBytes);
      give_all_back(blocks);
    }).join();
  }
}

}  // namespace
}  // namespace wskit::server::chunk_memory
