#include "doctor/directory_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "cli/progress.h"
#include "cli/text.h"
#include "storage/inspect.h"

namespace millrace::doctor {
namespace {

// Below it the journal can hardly grow by a file.
constexpr std::uint64_t kFreeBytesMin = std::uint64_t{256} << 20;
// Two for each open segment as usual, and some hundred connections.
constexpr std::uint64_t kDescriptorsMin = 2048;

// Keeps a broker from starting while the directory is read; other readers may come. Not the
// runtime's lock, which makes the lock file where there is none.
class SharedLock {
 public:
  static Result<SharedLock> take(const std::string& data_dir) {
    const std::string path = data_dir + "/LOCK";
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) return SharedLock(-1);
    if (descriptor < 0)
      return fail(ErrorCode::io_error,
                  fmt::format("cannot open {}: {}", path, std::system_category().message(errno)));
    SharedLock lock(descriptor);
    if (::flock(descriptor, LOCK_SH | LOCK_NB) == 0) return lock;
    return fail(ErrorCode::io_error,
                fmt::format("a broker is running on {}: ask it, 'millrace doctor --server "
                            "HOST:PORT', or stop it first",
                            data_dir));
  }
  SharedLock(SharedLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  SharedLock& operator=(SharedLock&&) = delete;
  ~SharedLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit SharedLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

std::string counts_of(const InspectedDirectory& found) {
  return fmt::format("{}, {} with {}, {}",
                     cli::counted(static_cast<std::int64_t>(found.partitions), "partition"),
                     cli::counted(static_cast<std::int64_t>(found.segments), "segment"),
                     cli::human_bytes(static_cast<std::int64_t>(found.segment_bytes)),
                     cli::counted(static_cast<std::int64_t>(found.snapshots), "snapshot"));
}

void tell(const InspectedDirectory& found, bool deep, Report& report) {
  report.fine("manifest", counts_of(found));
  const auto groups = static_cast<std::int64_t>(found.journal_groups);
  const std::string replay = groups == 0 ? std::string("nothing is to be replayed")
                                         : cli::counted(groups, "group") + " to be replayed";
  const auto files = cli::counted(static_cast<std::int64_t>(found.journal_files), "file");
  if (found.was_clean)
    report.fine("journal", fmt::format("{}, {}: the last stop was clean", files, replay));
  else
    report.note("journal", fmt::format("{}, {}: the last stop was not clean", files, replay));
  if (deep)
    report.fine("checksums",
                fmt::format("record batches whose checksum is right: {}", found.batches_checked));
  for (const DirectoryRemark& remark : found.remarks) {
    if (remark.weight == DirectoryRemark::Weight::damage)
      report.finding("files", remark.place + ": " + remark.what, remark.advice);
    else
      report.note("files", remark.place + ": " + remark.what, remark.advice);
  }
}

void check_machine(const std::string& data_dir, Report& report) {
  struct statvfs disk{};
  if (::statvfs(data_dir.c_str(), &disk) == 0) {
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    const std::string text =
        fmt::format("{} of {} are free", cli::human_bytes(static_cast<std::int64_t>(free)),
                    cli::human_bytes(static_cast<std::int64_t>(disk.f_blocks * disk.f_frsize)));
    if (free < kFreeBytesMin)
      report.finding("disk", text, "make room: on a full disk producing is refused");
    else
      report.fine("disk", text);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const std::string text = limit.rlim_max == RLIM_INFINITY
                               ? std::string("as many as one likes")
                               : fmt::format("{} a process, as started from here", limit.rlim_max);
  if (limit.rlim_max < kDescriptorsMin)
    report.finding("descriptors", text,
                   "raise the hard limit (ulimit -Hn, LimitNOFILE=): with too few segments are "
                   "opened and closed all the time, and connections refused");
  else
    report.fine("descriptors", text);
}

}  // namespace

Result<void> check_directory(FileSystem& files, const DirectoryOptions& options, Report& report) {
  auto lock = SharedLock::take(options.data_dir);
  if (!lock) return std::unexpected(lock.error());
  cli::ByteProgress progress(options.quiet);
  InspectOptions inspect;
  inspect.deep = options.deep;
  inspect.progress = [&](std::uint64_t done, std::uint64_t all) { progress.update(done, all); };
  auto found = inspect_directory(files, options.data_dir, inspect);
  progress.done();
  if (!found) return std::unexpected(found.error());
  report.fine("lock", "no broker is running on it");
  tell(*found, options.deep, report);
  check_machine(options.data_dir, report);
  return {};
}

}  // namespace millrace::doctor
