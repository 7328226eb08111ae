// What systemd hands to the server and wants to hear from it; everything does
// nothing where no systemd is (sd_notify(3), sd_listen_fds(3)).
//
// Threads: one.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace wskit::server::service_manager {

// The listening sockets that a .socket unit holds for this process. They are its
// own from here on: a second call finds none, and no child inherits them.
[[nodiscard]] std::vector<int> take_sockets();

// Tells the state, as NAME=VALUE lines. A manager that is away is not waited for, one
// that has not yet read what it was told before for a few seconds: it learns of a state
// only once.
void notify(std::string_view state);

// WATCHDOG=1, which is told again and again: nothing is waited for.
void feed_watchdog();

// A reload begins; notify("READY=1") says that it has ended.
void notify_reloading();

// How often the manager wants to hear WATCHDOG=1; nothing: it does not.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace wskit::server::service_manager
