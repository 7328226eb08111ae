#include "publisher_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace wskit::pub {
namespace {

int create(const std::string& path) { return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

PublisherFixture::PublisherFixture() {
  output_file_ = create(scratch_file("output"));
  notices_file_ = create(scratch_file("notices"));
  notices_.emplace("wspub", notices_file_);
  options_.connect.url = "ws://127.0.0.1:" + std::to_string(server_.socket().url().port);
  options_.connect.backoff = {std::chrono::microseconds(100), std::chrono::milliseconds(1)};
}

PublisherFixture::~PublisherFixture() {
  publisher_.reset();
  end_input();
  for (const int fd : {pipe_[0], input_file_, output_file_, notices_file_}) {
    if (fd >= 0) close(fd);
  }
}

void PublisherFixture::input(std::string_view text) {
  if (input_file_ >= 0) close(input_file_);
  std::ofstream(scratch_file("input"), std::ios::binary) << text;
  input_file_ = open(scratch_file("input").c_str(), O_RDONLY | O_CLOEXEC);
}

void PublisherFixture::type(std::string_view text) {
  ASSERT_TRUE(type_if_there_is_room(text)) << "the pipe is full";
}

bool PublisherFixture::type_if_there_is_room(std::string_view text) {
  if (pipe_[1] < 0) {
    EXPECT_EQ(pipe2(pipe_.data(), O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(pipe_[1], F_SETFL, O_NONBLOCK), 0);
  }
  return write(pipe_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void PublisherFixture::end_input() {
  if (pipe_[1] >= 0) close(std::exchange(pipe_[1], -1));
}

void PublisherFixture::start() {
  PubPlan plan = make_plan(options_);
  plan.source.stdin_fd = input_file_ >= 0 ? input_file_ : pipe_[0];
  publisher_.emplace(io_, std::move(plan), *notices_, output_file_, [this] { done_ = true; });
  publisher_->start();
}

void PublisherFixture::finish() {
  if (!publisher_) start();
  ASSERT_TRUE(until([this] { return done_; })) << notices();
}

void PublisherFixture::forget() {
  while (io_.poll() != 0) continue;  // what was cancelled still refers to the run
  publisher_.reset();
  done_ = false;
}

std::string PublisherFixture::output() const { return read_file(scratch_file("output")); }

std::string PublisherFixture::notices() const { return read_file(scratch_file("notices")); }

}  // namespace wskit::pub
