// A whole run of wspub inside a test: options as they would be typed, input, a
// PublishServer, and what came out.
//
// Threads: one.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/cli/notices.h"
#include "publish_server.h"
#include "support/scratch_folder.h"
#include "test_loop.h"
#include "wspub/options.h"
#include "wspub/publisher.h"

namespace wskit::pub {

class PublisherFixture : public ::testing::Test {
 protected:
  PublisherFixture();
  ~PublisherFixture() override;

  // The input: all of it at once, or bit by bit through a pipe.
  void input(std::string_view text);
  void type(std::string_view text);
  // Whether the pipe took all of `text`.
  [[nodiscard]] bool type_if_there_is_room(std::string_view text);
  void end_input();

  void start();
  // Runs until the condition holds; false if it never does.
  template <class Condition>
  [[nodiscard]] bool until(Condition condition) {
    return testing::run_until(io_, condition);
  }
  // Lets go of a run that is over; the input and the server stay for another one.
  void forget();
  // Starts if that is still to be done, and runs to the end.
  void finish();

  [[nodiscard]] int exit_code() const { return static_cast<int>(publisher_->outcome().code); }
  [[nodiscard]] const Totals& totals() const { return publisher_->totals(); }
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string notices() const;
  [[nodiscard]] std::string scratch_file(const std::string& name) const { return scratch_.path() / name; }

  boost::asio::io_context io_;
  PublishServer server_{io_};
  PubOptions options_;
  std::optional<Publisher> publisher_;

 private:
  const test::ScratchFolder scratch_;
  std::array<int, 2> pipe_{-1, -1};
  int input_file_ = -1;
  int output_file_ = -1;
  int notices_file_ = -1;
  std::optional<cli::Notices> notices_;
  bool done_ = false;
};

// The content of a file; empty where there is none.
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace wskit::pub
