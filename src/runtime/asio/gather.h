// Gather: the part of a ByteChain that one gathered system call takes. Private to this folder.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>

#include "base/bytes.h"

namespace millrace {

inline constexpr std::size_t kGatherPartsMax = 256;

struct Gather {
  std::array<iovec, kGatherPartsMax> parts;
  std::size_t count = 0;

  Gather(const ByteChain& chain, std::size_t skip) {
    for (const Bytes& part : chain.parts()) {
      if (skip >= part.size()) {
        skip -= part.size();
        continue;
      }
      // iovec is shared with reading calls, hence its pointer to what is not const.
      parts[count++] = {const_cast<std::uint8_t*>(part.data()) + skip, part.size() - skip};
      skip = 0;
      if (count == kGatherPartsMax) break;
    }
  }
};

}  // namespace millrace
