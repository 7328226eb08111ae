#include "common/cli/signals.h"

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <utility>

namespace wskit::cli {
namespace {

bool ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

class Signals::State : public std::enable_shared_from_this<Signals::State> {
 public:
  State(boost::asio::io_context& io, std::function<void(int)> stop, std::function<void()> report)
      : stops_(io), reports_(io, SIGUSR1), stop_(std::move(stop)), report_(std::move(report)) {
    for (const int signal : {SIGINT, SIGTERM}) {
      if (!ignored(signal)) stops_.add(signal);
    }
  }

  void wait_for_stop() {
    stops_.async_wait([self = shared_from_this()](const boost::system::error_code& error, int signal) {
      if (error || self->cancelled_) return;
      // Gives both signals their default action back.
      self->stops_.clear();
      self->stop_(signal);
    });
  }

  void wait_for_report() {
    reports_.async_wait([self = shared_from_this()](const boost::system::error_code& error, int) {
      if (error || self->cancelled_) return;
      self->report_();
      self->wait_for_report();
    });
  }

  void cancel() {
    cancelled_ = true;
    boost::system::error_code ignored_error;
    stops_.clear(ignored_error);
    reports_.clear(ignored_error);
    stops_.cancel(ignored_error);
    reports_.cancel(ignored_error);
  }

 private:
  boost::asio::signal_set stops_;
  boost::asio::signal_set reports_;
  std::function<void(int)> stop_;
  std::function<void()> report_;
  bool cancelled_ = false;
};

Signals::Signals(boost::asio::io_context& io, std::function<void(int)> stop, std::function<void()> report)
    : state_(std::make_shared<State>(io, std::move(stop), std::move(report))) {
  state_->wait_for_stop();
  state_->wait_for_report();
}

Signals::~Signals() { state_->cancel(); }

void Signals::cancel() { state_->cancel(); }

}  // namespace wskit::cli
