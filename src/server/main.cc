#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/options.h"
#include "server/process.h"

namespace {

// A partition's newest segment and every connection hold a descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Receive and fetch buffers of some megabytes come and go all the time: giving each back to the
// kernel costs a page fault per 4 KiB when the next one is taken.
void keep_large_blocks() {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace

int main(int argc, char** argv) {
  auto parsed = millrace::parse_command_line(argc, argv, environ);
  if (!parsed.serve) return parsed.exit_code;
  raise_descriptor_limit();
  keep_large_blocks();
  millrace::set_log_level(parsed.serve->log_level);
  millrace::set_log_format(
      parsed.serve->log_format.value_or(millrace::log_format_for_standard_error()));
  for (millrace::ServeOptions options = *parsed.serve;;) {
    millrace::Process process(options);
    int exit_code = process.run();
    if (!process.must_restart()) return exit_code;
    options = *process.must_restart();
  }
}
