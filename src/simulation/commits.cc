#include "simulation/commits.h"

#include <algorithm>

namespace millrace::simulation {

CommitRegister::Write CommitRegister::begin(std::uint64_t now, std::int64_t offset) {
  writes_[next_] = {.offset = offset, .sent = now};
  return next_++;
}

void CommitRegister::answered(Write write, std::uint64_t now) {
  auto found = writes_.find(write);
  if (found == writes_.end()) return;
  found->second.answered = std::min(found->second.answered, now);
  found->second.certain = true;
}

bool CommitRegister::explains(std::uint64_t read_began, std::int64_t offset, std::uint64_t now) {
  // The latest certain write that had ended when the read began, by when it was sent: whatever
  // ended before that was overwritten.
  std::uint64_t overwritten_before = 0;
  for (const auto& [id, entry] : writes_) {
    if (entry.certain && entry.answered < read_began) {
      overwritten_before = std::max(overwritten_before, entry.sent);
    }
  }
  Entry* only = nullptr;
  int found = 0;
  for (auto& [id, entry] : writes_) {
    if (entry.offset != offset || entry.answered < overwritten_before) continue;
    ++found;
    only = &entry;
  }
  if (found == 0) return false;
  if (found == 1) {  // then it was this one, and it has happened
    only->certain = true;
    only->answered = std::min(only->answered, now);
  }
  return true;
}

void CommitRegister::life_ended(std::uint64_t now) {
  std::uint64_t last_certain = 0;
  for (auto& [id, entry] : writes_) {
    entry.answered = std::min(entry.answered, now);
    if (entry.certain) last_certain = std::max(last_certain, entry.sent);
  }
  // Nobody reads any more, so nobody can have begun before these were overwritten.
  std::erase_if(writes_, [&](const auto& item) { return item.second.answered < last_certain; });
}

}  // namespace millrace::simulation
