// SimRandom: the seed's numbers (SplitMix64). The same on every machine, unlike the distributions
// of the standard library.
#pragma once

#include <cstdint>

#include "base/assert.h"

namespace millrace {

class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // 0 .. count-1
  std::uint64_t below(std::uint64_t count) {
    ASSERT(count > 0);
    return next() % count;
  }
  bool percent(unsigned chance) { return below(100) < chance; }

 private:
  std::uint64_t state_;
};

}  // namespace millrace
