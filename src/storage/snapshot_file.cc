// Snapshots of machines' logs: a file each, listed in the manifest.
#include "storage/snapshot_file.h"

#include <fmt/format.h>

#include <cstring>

#include "base/log.h"
#include "base/rare.h"
#include "record/crc32c.h"
#include "storage/store.h"

namespace millrace {
namespace {

constexpr std::uint64_t kMagic = 0x3150414e53524d4d;  // "MMRSNAP1"
constexpr std::uint32_t kVersion = 1;
// One to use, and one for when it is damaged.
constexpr std::size_t kSnapshotsKept = 2;

struct SnapshotHeader {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t crc = 0;  // of the body, seeded with log and offset
  std::uint64_t partition = 0;
  std::int64_t offset = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(SnapshotHeader) == 40);

std::uint32_t body_crc(const SnapshotHeader& header, ByteView body) {
  std::uint64_t seed[2] = {header.partition, static_cast<std::uint64_t>(header.offset)};
  return crc32c(body, crc32c({reinterpret_cast<const std::uint8_t*>(seed), sizeof seed}));
}

}  // namespace

Result<std::vector<std::uint8_t>> read_snapshot(FileSystem& files, const std::string& path,
                                                PartitionId id, Offset offset) {
  auto file = files.open(path, OpenMode::read);
  if (!file) return std::unexpected(file.error());
  SnapshotHeader header;
  auto count = (*file)->read_at(0, {reinterpret_cast<std::uint8_t*>(&header), sizeof header});
  if (!count) return std::unexpected(count.error());
  auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  bool valid = *count == sizeof header && header.magic == kMagic && header.version == kVersion &&
               header.partition == id.value() && header.offset == offset.value() &&
               header.size == *size - sizeof header;
  if (!valid) return fail(ErrorCode::storage_corrupt, path + ": the header is damaged");
  std::vector<std::uint8_t> body(header.size);
  count = (*file)->read_at(sizeof header, body);
  if (!count) return std::unexpected(count.error());
  if (*count != body.size() || body_crc(header, body) != header.crc) {
    return fail(ErrorCode::storage_corrupt, path + ": the checksum does not match");
  }
  return body;
}

Task<Result<std::optional<Store::Snapshot>>> Store::load_snapshot(CoreStore& core,
                                                                  PartitionLog& log) {
  std::vector<SnapshotState> listed = log.state().snapshots;
  for (auto snapshot = listed.rbegin(); snapshot != listed.rend(); ++snapshot) {
    std::string path = snapshot_path(log.id(), snapshot->file_number);
    PartitionId id = log.id();
    Offset offset = snapshot->offset;
    auto body = co_await call_on(core.core(), *background_, [this, path, id, offset] {
      return read_snapshot(runtime_.files(), path, id, offset);
    });
    if (body) co_return Snapshot{offset, std::move(*body)};
    RARE("a snapshot can't be read: an older one is used");
    log_warning("storage", "{}; using an older one", body.error().message());
  }
  if (!listed.empty() && log.log_start() > Offset(0)) {
    RARE("no snapshot can be read: corruption");
    co_return fail(
        ErrorCode::storage_corrupt,
        fmt::format("no snapshot of internal log {} can be read, and its first events are "
                    "gone. Restore the data directory from a copy",
                    log.id().value()));
  }
  co_return std::optional<Snapshot>{};
}

Result<void> Store::write_snapshot(PartitionId id, SnapshotState& state, const Bytes& bytes) {
  FileSystem& files = runtime_.files();
  state.file_number = next_file_number_++;
  auto file = files.open(snapshot_path(id, state.file_number), OpenMode::create);
  if (!file) return std::unexpected(file.error());
  SnapshotHeader header;
  header.partition = id.value();
  header.offset = state.offset.value();
  header.size = bytes.size();
  header.crc = body_crc(header, bytes.view());
  ByteChain chain;
  chain.append(Bytes::copy_of({reinterpret_cast<const std::uint8_t*>(&header), sizeof header}));
  chain.append(bytes);
  TRY((*file)->write_at(0, chain));
  TRY((*file)->sync());
  return files.sync_directory(directory_ + "/snapshots");
}

Task<Result<void>> Store::save_snapshot(CoreStore& core, PartitionLog& log, Offset offset,
                                        std::vector<std::uint8_t> bytes) {
  Bytes body = Bytes::copy_of(bytes);
  PartitionId id = log.id();
  SnapshotState snapshot{offset, 0};
  Offset log_start = log.log_start();
  Result<void> saved = co_await call_on(core.core(), *background_, [&]() -> Result<void> {
    TRY(write_snapshot(id, snapshot, body));
    PartitionState state = listed_state(id);
    std::vector<std::string> doomed;
    state.snapshots.push_back(snapshot);
    while (state.snapshots.size() > kSnapshotsKept) {
      doomed.push_back(snapshot_path(id, state.snapshots.front().file_number));
      state.snapshots.erase(state.snapshots.begin());
    }
    // What stands in front of the older snapshot is not needed any more (STORAGE.md rule 16).
    if (state.snapshots.size() == kSnapshotsKept) {
      log_start = std::min(state.snapshots.front().offset, state.flushed_to);
      state.log_start = std::max(state.log_start, log_start);
    }
    log_start = state.log_start;
    trim(state, doomed);
    ManifestEdit edit;
    edit.partitions.push_back(state);
    edit.next_file_number = next_file_number_.load();
    TRY(manifest_->commit(edit));
    remove_files(doomed);
    return {};
  });
  if (saved) log.add_snapshot(snapshot, log_start);
  co_return saved;
}

}  // namespace millrace
