// RARE: marks a branch that is seldom taken and that some test must take all the same.
//
//   if (!synced) {
//     RARE("a flush of the journal failed");
//     ...
//
// With MILLRACE_RARE_REPORT=FOLDER a process leaves a file there when it ends: one line for each
// mark in it, "times<TAB>file:line<TAB>what". scripts/rare-branches sums those of a test run and
// says which were never reached. Costs an addition where it is reached, nothing elsewhere; not in
// headers, whose marks would be counted once for each file that includes them.
#pragma once

#include <atomic>
#include <cstdint>

namespace millrace {

struct RareBranch {
  const char* file;
  const char* what;
  std::uint64_t line;
  std::atomic<std::uint64_t> times;

  // Out of line, so that who marks anything also has the report.
  void reached();
};

}  // namespace millrace

#define RARE(what)                                                                                \
  do {                                                                                            \
    [[gnu::section("millrace_rare"), gnu::used,                                                   \
      gnu::retain]] static constinit ::millrace::RareBranch rare_branch{__FILE__, what, __LINE__, \
                                                                        0};                       \
    rare_branch.reached();                                                                        \
  } while (false)
