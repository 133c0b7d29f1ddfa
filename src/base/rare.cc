#include "base/rare.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

// Where the linker begins and ends the section of that name; absent when nothing is marked.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
[[gnu::weak]] extern millrace::RareBranch __start_millrace_rare[];
[[gnu::weak]] extern millrace::RareBranch __stop_millrace_rare[];
// NOLINTEND(bugprone-reserved-identifier)
}

namespace millrace {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

void report() {
  const char* folder =
      std::getenv("MILLRACE_RARE_REPORT");  // NOLINT(concurrency-mt-unsafe): the end
  if (!folder) return;
  const std::string path = fmt::format("{}/{}.rare", folder, ::getpid());
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "w"));
  if (!file) {
    fmt::print(stderr, "millrace: cannot write {}\n", path);
    return;
  }
  for (const RareBranch& branch : std::span(__start_millrace_rare, __stop_millrace_rare)) {
    fmt::print(file.get(), "{}\t{}:{}\t{}\n", branch.times.load(std::memory_order_relaxed),
               branch.file, branch.line, branch.what);
  }
}

const int kReportsAtExit = std::atexit(report);

}  // namespace

void RareBranch::reached() {
  static_cast<void>(kReportsAtExit);
  times.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace millrace
