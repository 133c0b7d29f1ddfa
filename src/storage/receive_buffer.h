#pragma once

#include <cstddef>

namespace millrace {

// A receive buffer of this size may hold anything beside a batch; a larger one is made for one
// request.
inline constexpr std::size_t kReceiveBufferBytes = 64 << 10;

}  // namespace millrace
