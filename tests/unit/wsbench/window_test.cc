#include "wsbench/window.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace wskit::bench {
namespace {

// Sends as much as there is room for and returns how many.
std::uint32_t fill(Window& window, std::uint64_t& next, std::uint32_t receivers, Nanos sent = 1) {
  const std::uint32_t room = window.room(next);
  for (std::uint32_t event = 0; event < room; ++event) window.open(next++, receivers, sent);
  return room;
}

TEST(WindowTest, NeverHoldsMoreThanItsLimit) {
  Window window(4, 1);
  std::uint64_t next = 0;
  EXPECT_EQ(fill(window, next, 3), 4U);
  EXPECT_EQ(window.in_flight(), 4U);
  EXPECT_EQ(window.room(next), 0U);
}

TEST(WindowTest, AnEventIsCompleteWithItsLastReceiverOnly) {
  Window window(1, 1);
  std::uint64_t next = 0;
  fill(window, next, 3);
  EXPECT_FALSE(window.received(0, 1));
  EXPECT_EQ(window.room(next), 0U);
  EXPECT_TRUE(window.received(0, 2));
  EXPECT_EQ(window.room(next), 1U);
}

TEST(WindowTest, WaitsUntilABatchIsFree) {
  Window window(16, 9);
  std::uint64_t next = 0;
  EXPECT_EQ(fill(window, next, 1), 16U);
  for (std::uint64_t sequence = 0; sequence < 8; ++sequence) EXPECT_TRUE(window.received(sequence, 1));
  EXPECT_EQ(window.room(next), 0U);
  EXPECT_TRUE(window.received(8, 1));
  EXPECT_EQ(fill(window, next, 1), 9U);
  EXPECT_EQ(window.in_flight(), 16U);
}

TEST(WindowTest, EventsMayBeCompletedOutOfOrder) {
  Window window(2, 1);
  std::uint64_t next = 0;
  fill(window, next, 1);
  EXPECT_TRUE(window.received(1, 1));
  EXPECT_EQ(fill(window, next, 1), 1U);
  EXPECT_TRUE(window.received(2, 1));
  EXPECT_TRUE(window.received(0, 1));
  EXPECT_EQ(window.in_flight(), 0U);
}

TEST(WindowTest, AnEventThatHangsKeepsItsSlotHoweverFarTheOthersRun) {
  Window window(2, 1);
  std::uint64_t next = 0;
  window.open(next++, 1, 1);
  while (window.room(next) > 0) {
    window.open(next, 1, 1);
    EXPECT_TRUE(window.received(next, 1));
    ++next;
  }
  EXPECT_EQ(window.in_flight(), 1U);
  EXPECT_TRUE(window.received(0, 1));
  EXPECT_EQ(window.room(next), 2U);
}

TEST(WindowTest, WhatIsGivenUpMakesRoomAndItsLateDeliveriesCountForNothing) {
  Window window(2, 1);
  std::uint64_t next = 0;
  fill(window, next, 2, 100);
  EXPECT_FALSE(window.received(0, 1));
  EXPECT_EQ(window.expire(99), 0U);
  EXPECT_EQ(window.expire(100), 2U);
  EXPECT_EQ(window.in_flight(), 0U);
  fill(window, next, 2, 200);
  EXPECT_FALSE(window.received(0, 1));
  EXPECT_FALSE(window.received(1, 2));
  EXPECT_EQ(window.in_flight(), 2U);
  EXPECT_TRUE(window.received(2, 2));
}

TEST(WindowTest, CountsOnceWhenManyThreadsDeliver) {
  constexpr std::uint32_t kThreads = 4;
  constexpr std::uint64_t kEvents = 20'000;
  Window window(64, 1);
  std::atomic<std::uint64_t> complete{0};
  std::atomic<std::uint64_t> opened{0};
  std::vector<std::thread> receivers;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    receivers.emplace_back([&] {
      for (std::uint64_t sequence = 0; sequence < kEvents; ++sequence) {
        while (opened.load(std::memory_order_acquire) <= sequence) std::this_thread::yield();
        if (window.received(sequence, 1)) complete.fetch_add(1);
      }
    });
  }
  std::uint64_t next = 0;
  while (next < kEvents) {
    if (fill(window, next, kThreads) == 0) std::this_thread::yield();
    opened.store(next, std::memory_order_release);
  }
  for (std::thread& receiver : receivers) receiver.join();
  EXPECT_EQ(complete.load(), kEvents);
  EXPECT_EQ(window.in_flight(), next - kEvents);
}

}  // namespace
}  // namespace wskit::bench
