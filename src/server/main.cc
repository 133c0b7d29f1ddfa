#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include "base/log.h"
#include "server/descriptors.h"
#include "server/options.h"
#include "server/process.h"

namespace {

// A partition's newest segment and every connection hold a descriptor.
void share_descriptors(millrace::ServeOptions& options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (!millrace::fit_to_descriptors(limit.rlim_cur, options)) return;
  millrace::log_info(
      "server",
      "this process may open {} files and connections: {} connections and {} segments "
      "are open at most. Raise its limit (ulimit -n, LimitNOFILE=) if that is too few",
      limit.rlim_cur, options.cores * options.sessions.connections_max,
      options.storage.open_segments_max);
}

// Receive and fetch buffers of some megabytes come and go all the time: giving each back to the
// kernel costs a page fault per 4 KiB when the next one is taken.
void keep_large_blocks() {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
}

// Whatever asked for it can't go on without. For those who were answered this is a kill -9: it is
// on the disk, or with the kernel. No stop in order, which would need memory too.
[[noreturn]] void end_without_memory() {
  constexpr std::string_view kText =
      "millrace: out of memory: the process may have no more, and ends. What was answered is kept; "
      "start it with a higher limit, or with lower limits of its own (millrace config)\n";
  (void)!write(STDERR_FILENO, kText.data(), kText.size());
  _exit(1);
}

// What nobody catches: a thread that can't be started, mostly for want of memory for its stack.
[[noreturn]] void end_by_exception() {
  if (auto exception = std::current_exception()) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::resource_unavailable_try_again) end_without_memory();
    } catch (const std::bad_alloc&) {
      end_without_memory();
    } catch (...) {  // NOLINT(bugprone-empty-catch): told below
    }
  }
  __gnu_cxx::__verbose_terminate_handler();
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  auto parsed = millrace::parse_command_line(argc, argv, environ);
  if (!parsed.serve) return parsed.exit_code;
  std::set_new_handler(end_without_memory);
  std::set_terminate(end_by_exception);
  keep_large_blocks();
  millrace::set_log_level(parsed.serve->log_level);
  millrace::set_log_format(
      parsed.serve->log_format.value_or(millrace::log_format_for_standard_error()));
  share_descriptors(*parsed.serve);
  for (millrace::ServeOptions options = *parsed.serve;;) {
    millrace::Process process(options);
    int exit_code = process.run();
    if (!process.must_restart()) return exit_code;
    options = *process.must_restart();
  }
}
