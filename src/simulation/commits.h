// CommitRegister: the committed offset of one group and partition, as a register that several
// clients write and read at once. What a read gives must be explained by one write: one that was
// sent before the read ended, and that no other write certainly followed before the read began.
//
//   auto write = commits.begin(now, 42);  ...  commits.answered(write, now);
//   if (!commits.explains(read_began, value, now)) -> it went back, or was never written
//
// Times are those of Ledger::tick().
#pragma once

#include <cstdint>
#include <map>

namespace millrace::simulation {

class CommitRegister {
 public:
  using Write = std::uint64_t;

  Write begin(std::uint64_t now, std::int64_t offset);
  void answered(Write write, std::uint64_t now);
  // Answered with an error that says that it was not taken.
  void refused(Write write) { writes_.erase(write); }
  // Takes a value that is explained for written. False: nothing explains it.
  bool explains(std::uint64_t read_began, std::int64_t offset, std::uint64_t now);
  // What was not answered until now has happened or never will.
  void life_ended(std::uint64_t now);

 private:
  static constexpr std::uint64_t kNever = ~0ull;
  struct Entry {
    std::int64_t offset = -1;
    std::uint64_t sent = 0;
    std::uint64_t answered = kNever;
    bool certain = false;  // that it was taken
  };
  std::uint64_t next_ = 1;
  // Before all others: nothing was committed.
  std::map<Write, Entry> writes_{{0, {.offset = -1, .sent = 0, .answered = 0, .certain = true}}};
};

}  // namespace millrace::simulation
