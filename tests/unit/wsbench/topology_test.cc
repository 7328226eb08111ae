#include "wsbench/topology.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace wskit::bench {
namespace {

const std::vector<Topology> kShapes = {{1, 1, 1000}, {4, 1000, 1000}, {3, 8, 20},
                                       {8, 3, 7},    {5, 5, 5},       {7, 1, 2}};

TEST(TopologyTest, EverySubscriberIsCountedAtItsChannel) {
  for (const Topology& topology : kShapes) {
    std::map<std::uint32_t, std::uint32_t> counted;
    for (std::uint32_t index = 0; index < topology.subscribers; ++index) {
      ++counted[topology.channel_of_subscriber(index)];
    }
    for (std::uint32_t channel = 0; channel < topology.channels; ++channel) {
      EXPECT_EQ(topology.subscribers_of(channel), counted[channel]);
    }
  }
}

TEST(TopologyTest, EveryChannelHasASourceAndEveryEventOneOfThem) {
  for (const Topology& topology : kShapes) {
    for (std::uint32_t channel = 0; channel < topology.channels; ++channel) {
      ASSERT_GE(topology.sources_of(channel), 1U);
    }
    for (std::uint32_t publisher = 0; publisher < topology.publishers; ++publisher) {
      for (std::uint64_t sequence = 0; sequence < 50; ++sequence) {
        const std::uint32_t channel = topology.channel_of_event(publisher, sequence);
        ASSERT_LT(channel, topology.channels);
        const std::uint32_t source = topology.source_index(publisher);
        ASSERT_LT(source, topology.sources_of(channel));
        ASSERT_EQ(topology.publisher_of(channel, source), publisher);
      }
    }
  }
}

TEST(TopologyTest, TheNumbersOnAChannelAreThoseThatASubscriberExpects) {
  for (const Topology& topology : kShapes) {
    for (std::uint32_t publisher = 0; publisher < topology.publishers; ++publisher) {
      std::map<std::uint32_t, std::vector<std::uint64_t>> sent;
      constexpr std::uint64_t kSent = 2345;
      for (std::uint64_t sequence = 0; sequence < kSent; ++sequence) {
        sent[topology.channel_of_event(publisher, sequence)].push_back(sequence);
      }
      EXPECT_EQ(sent.size(), topology.channels_of(publisher));
      for (const auto& [channel, sequences] : sent) {
        EXPECT_EQ(topology.events_on(channel, publisher, kSent), sequences.size());
        std::uint64_t expected = topology.first_sequence(channel);
        for (const std::uint64_t sequence : sequences) {
          ASSERT_EQ(sequence, expected);
          expected += topology.channels_of(publisher);
        }
      }
    }
  }
}

}  // namespace
}  // namespace wskit::bench
