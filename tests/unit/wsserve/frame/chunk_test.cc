#include "wsserve/frame/chunk.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace wskit::server {
namespace {

TEST(ChunkTest, HoldsACopyOfTheBytes) {
  std::string bytes("one\0two", 7);
  const ChunkPtr chunk = Chunk::copy_of(bytes);
  bytes.assign(7, 'x');
  EXPECT_EQ(chunk->bytes(), std::string_view("one\0two", 7));
  EXPECT_EQ(chunk->size(), 7U);
}

TEST(ChunkTest, MayBeEmpty) {
  EXPECT_EQ(Chunk::copy_of("")->bytes(), "");
  EXPECT_EQ(Chunk::join({})->bytes(), "");
}

TEST(ChunkTest, JoinsOthersInTheirOrder) {
  const std::array<ChunkPtr, 3> parts{Chunk::copy_of("one "), Chunk::copy_of(""), Chunk::copy_of("two")};
  EXPECT_EQ(Chunk::join(parts)->bytes(), "one two");
}

TEST(ChunkTest, SlicesTheTypeAndTheTextOfAnEvent) {
  auto chunk = Chunk::copy_of(R"(hh{"type":"trade","data":1})");
  chunk->event = {.offset = 7, .header_bytes = 2, .type_begin = 11, .type_bytes = 5};
  EXPECT_EQ(chunk->type(), "trade");
  EXPECT_EQ(chunk->text(), R"({"type":"trade","data":1})");
}

TEST(ChunkTest, KeepsTheFirstCompressedFormThatItIsGiven) {
  const ChunkPtr chunk = Chunk::copy_of("plain");
  EXPECT_EQ(chunk->kept(Form::kDeflated), nullptr);
  const Chunk* kept = chunk->keep(Form::kDeflated, Chunk::copy_of("first"));
  EXPECT_EQ(kept->bytes(), "first");
  EXPECT_EQ(chunk->keep(Form::kDeflated, Chunk::copy_of("second")), kept);
  EXPECT_EQ(chunk->kept(Form::kDeflated), kept);
}

TEST(ChunkTest, LetsTheCompressedFormOutliveItForWhoHoldsIt) {
  ChunkPtr deflated;
  {
    const ChunkPtr chunk = Chunk::copy_of("plain");
    deflated = ChunkPtr(chunk->keep(Form::kDeflated, Chunk::copy_of("compressed")));
  }
  EXPECT_EQ(deflated->bytes(), "compressed");
}

}  // namespace
}  // namespace wskit::server
