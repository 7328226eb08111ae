// A subscriber that notes what it is handed, and the small language of the
// fan-out's tests: "news:1" is the first event of the channel `news`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wsserve/fanout/subscriber.h"

namespace wskit::server {

class Recorder final : public Subscriber {
 public:
  explicit Recorder(WireForm form = WireForm::kPlain) { set_wire_form(form); }

  void deliver(const ChunkPtr& run, std::uint32_t events) override;
  void deliver_each(std::span<const ChunkPtr> frames) override;
  void count_filtered(std::uint32_t events) override { filtered_ += events; }

  // "news:1 news:2 market:1", all since the last call.
  [[nodiscard]] std::string received();

  // Everything ever received, as the JSON text of each event.
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }
  // How often something was handed over, and the runs in their order.
  [[nodiscard]] std::size_t deliveries() const { return deliveries_; }
  [[nodiscard]] const std::vector<ChunkPtr>& runs() const { return runs_; }
  [[nodiscard]] std::uint64_t filtered() const { return filtered_; }
  // How many of the frames were compressed.
  [[nodiscard]] std::size_t compressed() const { return compressed_; }

 private:
  void note(std::string text);

  std::vector<std::string> texts_;
  std::vector<ChunkPtr> runs_;
  std::size_t reported_ = 0;
  std::size_t deliveries_ = 0;
  std::size_t compressed_ = 0;
  std::uint64_t filtered_ = 0;
};

// "news:1" for an event's JSON text.
[[nodiscard]] std::string short_name(std::string_view text);

}  // namespace wskit::server
