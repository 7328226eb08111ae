// Bytes of the kernel's generator: nobody else can foresee them.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <span>

namespace wskit::websocket {

void fill_with_random(std::span<std::uint8_t> bytes);

}  // namespace wskit::websocket
