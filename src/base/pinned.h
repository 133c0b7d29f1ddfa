// What keeping bytes costs: a view keeps the whole block behind it, which may be much larger.
//
//   ByteChain rest = slimmed(answer, bytes_sent);      // small views of large blocks are copied
//   out std::size_t cost = pinned_bytes(rest);             // at most twice its size then
#pragma once

#include "base/bytes.h"

namespace millrace {

// Parts are taken one by one: of several views of one block each costs all of it.
std::size_t pinned_bytes(const ByteChain& chain);

// The chain without its first `skip` bytes.
ByteChain without_front(const ByteChain& chain, std::size_t skip);

// The same, and each part that is less than half of its block is a copy.
ByteChain slimmed(const ByteChain& chain, std::size_t skip);

}  // namespace millrace
