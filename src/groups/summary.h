// Many groups in few figures, for who watches the broker: how many are in which state, and how far
// each has read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "groups/commands.h"

namespace millrace {

struct GroupsSummary {
  static constexpr std::size_t kStates = static_cast<std::size_t>(GroupState::dead) + 1;
  struct Commit {
    std::string group;
    std::string topic;
    std::int32_t partition = 0;
    Offset offset;  // the next one to read
  };

  std::array<std::uint64_t, kStates> by_state{};
  std::vector<Commit> commits;
};

}  // namespace millrace
