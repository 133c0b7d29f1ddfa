#include "storage/journal_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/log.h"
#include "base/rare.h"
#include "record/crc32c.h"

namespace millrace {
namespace {

using journal_format::align_up;
using journal_format::FrameHeader;
using journal_format::FrameKind;
using journal_format::GroupHeader;
using journal_format::GroupKind;
using journal_format::kBlock;
using journal_format::Reference;

constexpr std::size_t kWindow = 1 << 20;
// No directory or payload of ours is larger; a damaged length must not make us allocate it.
constexpr std::uint64_t kGroupBytesMax = 1ull << 30;

// Reads a file in large steps. Whole pages into whole pages: the kernel copies several times slower
// to memory that is shifted against them, and that copy is most of what a scan costs.
class Window {
 public:
  Window(File& file, std::uint64_t file_size, std::size_t step = kWindow)
      : file_(file), file_size_(file_size), step_(step) {
    // A file that a crash left shorter than it says ends where it ends.
    if (auto actual = file.size()) file_size_ = std::min(file_size_, *actual);
  }
  std::uint64_t end() const { return file_size_; }

  // The bytes at `position`, valid until the next call; shorter at the end of the file.
  Result<ByteView> at(std::uint64_t position, std::size_t size) {
    if (position >= file_size_) return ByteView{};
    size = std::min<std::uint64_t>(size, file_size_ - position);
    if (position < begin_ || position + size > begin_ + size_) {
      begin_ = position - position % kBlock;
      size_ = 0;
      std::uint64_t wanted = std::max<std::uint64_t>(position - begin_ + size, step_);
      wanted = std::min(align_up(wanted), file_size_ - begin_);
      auto count = file_.read_at(begin_, {make_room(wanted), wanted});
      if (!count) return std::unexpected(count.error());
      size_ = *count;
      if (begin_ + size_ <= position) return ByteView{};
      size = std::min<std::uint64_t>(size, begin_ + size_ - position);
    }
    return ByteView(bytes_ + (position - begin_), size);
  }

 private:
  std::uint8_t* make_room(std::size_t size) {
    if (!space_ || space_->capacity() < size + kBlock) {
      space_ = Buffer::allocate(size + kBlock);
      auto address = reinterpret_cast<std::uintptr_t>(space_->data());
      bytes_ = space_->data() + (kBlock - address % kBlock) % kBlock;
    }
    return bytes_;
  }

  File& file_;
  std::uint64_t file_size_;
  const std::size_t step_;
  BufferRef space_;
  std::uint8_t* bytes_ = nullptr;  // of space_, at the beginning of a page
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;  // of what is there
};

struct Group {
  GroupHeader header;
  std::uint64_t size = 0;  // in the file, padding included
  std::vector<FrameHeader> frames;
  std::uint64_t payload_position = 0;
};

// The header and directory at `position`, or nothing when they are not valid in this lap.
Result<std::optional<Group>> read_group(Window& window, const JournalFile& file,
                                        std::uint64_t position) {
  Group group;
  auto head = window.at(position, sizeof(GroupHeader));
  if (!head) return std::unexpected(head.error());
  if (head->size() < sizeof(GroupHeader)) return std::nullopt;
  std::memcpy(&group.header, head->data(), sizeof(GroupHeader));
  const GroupHeader& header = group.header;
  if (header.magic != journal_format::kGroupMagic || header.header_size != sizeof(GroupHeader)) {
    return std::nullopt;
  }
  std::uint64_t front =
      sizeof(GroupHeader) + std::uint64_t{header.frame_count} * sizeof(FrameHeader);
  std::uint64_t whole = front + header.payload_size;
  if (whole > kGroupBytesMax || position + whole > file.size()) return std::nullopt;
  auto bytes = window.at(position, front);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < front) return std::nullopt;
  constexpr std::size_t kChecked = offsetof(GroupHeader, crc) + sizeof header.crc;
  if (crc32c(bytes->subspan(kChecked), file.seed()) != header.crc) return std::nullopt;
  group.frames.resize(header.frame_count);
  if (!group.frames.empty())
    std::memcpy(group.frames.data(), bytes->data() + sizeof(GroupHeader),
                front - sizeof(GroupHeader));
  group.payload_position = position + front;
  group.size = align_up(whole);
  return group;
}

bool read_batch(ByteView payload, const FrameHeader& frame, ScannedFrame& out) {
  auto batch = read_batch_header(payload);
  if (!batch) return false;
  out.batch = *batch;
  return batch->size == frame.payload_size && batch->crc == frame.payload_crc &&
         checksum_matches(payload);
}

// The batch itself was flushed before the reference was written.
bool read_reference(ByteView payload, const FrameHeader& frame, ScannedFrame& out) {
  Reference reference;
  if (payload.size() != sizeof reference || frame.payload_size != sizeof reference) return false;
  if (crc32c(payload) != frame.payload_crc) return false;
  std::memcpy(&reference, payload.data(), sizeof reference);
  auto batch = peek_batch_header(reference.batch_header);
  if (!batch) return false;
  out.batch = *batch;
  out.segment = reference.file_number;
  out.position = reference.position;
  return true;
}

// Proves the payloads and gives them out. False: one is damaged.
Result<bool> read_payloads(Window& window, const std::shared_ptr<JournalFile>& file,
                           const Group& group, std::vector<ScannedFrame>& out) {
  std::uint64_t position = group.payload_position;
  for (const FrameHeader& frame : group.frames) {
    auto bytes = window.at(position, frame.payload_size);
    if (!bytes) return std::unexpected(bytes.error());
    ScannedFrame scanned{PartitionId(frame.partition), {}, file, position, {}};
    bool intact = frame.kind == FrameKind::reference ? read_reference(*bytes, frame, scanned)
                                                     : read_batch(*bytes, frame, scanned);
    intact = intact && scanned.batch.base_offset.value() == frame.base_offset &&
             scanned.batch.leader_epoch.value() == frame.leader_epoch;
    if (!intact) return false;
    out.push_back(std::move(scanned));
    position += frame.payload_size;
  }
  return true;
}

struct Opened {
  std::shared_ptr<JournalFile> file;
  std::uint64_t first_sequence = 0;
};

constexpr bool is_void(const GroupHeader& header) { return header.kind == GroupKind::voided; }

struct Scanner {
  FileSystem& files;
  const std::string& directory;
  JournalSequence replay_from;
  const std::function<void(ScannedFrame)>& on_frame;
  JournalScan scan;
  std::uint64_t mark;          // highest flush mark seen
  std::uint64_t expected = 0;  // the next sequence
  std::string end_file;        // where reading stopped, for messages
  std::uint64_t end_position = 0;
  std::vector<std::shared_ptr<JournalFile>> unplaced;  // hold no whole group of their lap
  std::set<std::uint64_t> voided;                      // sequences

  Error corrupt(const std::string& what) const {
    return Error(ErrorCode::storage_corrupt,
                 fmt::format("{}. Restore the data directory from a copy, or move it away and "
                             "start empty; nothing was changed",
                             what));
  }

  Result<void> run() {
    std::vector<Opened> opened;
    TRY(open_files(opened));
    std::ranges::sort(opened, {}, &Opened::first_sequence);
    for (std::size_t i = 0; i < opened.size(); ++i) {
      // What stands in front of a file that begins at or below replay_from is not needed, and is
      // not read: what was released may be most of the journal.
      bool needed = i + 1 == opened.size() || opened[i + 1].first_sequence > replay_from.value();
      if (needed) {
        TRY(read_file(opened[i]));
        continue;
      }
      RARE("recovery passes over a released journal file");
      opened[i].file->last_sequence = JournalSequence(opened[i + 1].first_sequence - 1);
      scan.start.spare.push_back(opened[i].file);
    }
    if (mark >= expected) {
      RARE("a flushed group is missing: corruption");
      return std::unexpected(corrupt(
          fmt::format("journal group {} is missing or damaged at {} position {}, though it "
                      "was flushed (a flush mark names group {})",
                      expected, end_file.empty() ? directory : end_file, end_position, mark)));
    }
    if (mark + 1 >= expected) scan.start.unproven = {};
    // The group that was being written may have been the first of its file.
    for (const auto& file : unplaced) {
      Window window(file->file(), file->size(), kBlock);
      TRY(note_torn(window, *file, kBlock));
      scan.start.spare.push_back(file);
    }
    scan.start.next_sequence = JournalSequence(expected);
    return {};
  }

  Result<void> open_files(std::vector<Opened>& opened) {
    auto names = files.list(directory);
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names) {
      if (!name.ends_with(".journal")) continue;
      std::string path = directory + "/" + name;
      auto file = JournalFile::open(files, path);
      if (!file && file.error().code == ErrorCode::not_found) {
        RARE("recovery removes a journal file that was being made");
        TRY(files.remove(path));
        continue;
      }
      if (!file && file.error().code == ErrorCode::storage_corrupt) {
        return std::unexpected(corrupt(file.error().detail));
      }
      if (!file) return std::unexpected(file.error());
      scan.start.next_file_id = std::max(scan.start.next_file_id, (*file)->id() + 1);
      TRY(place_file(std::move(*file), opened));
    }
    return {};
  }

  // Finds the first sequence of a file, or that it holds no group of its lap.
  Result<void> place_file(std::shared_ptr<JournalFile> file, std::vector<Opened>& opened) {
    Window first(file->file(), file->size(), kBlock);
    Window window(file->file(), file->size());
    for (std::uint64_t position = kBlock; position < window.end(); position += kBlock) {
      auto group = read_group(position == kBlock ? first : window, *file, position);
      if (!group) return std::unexpected(group.error());
      if (!*group && file->is_free()) break;  // nobody was told of what stands behind it
      if (!*group) continue;
      if (position != kBlock) {
        RARE("a journal file's first group is damaged, a later one is not");
        return std::unexpected(corrupt(
            fmt::format("{}: the journal group at position {} is damaged, a later one at {} is not",
                        file->path(), kBlock, position)));
      }
      if (is_void((*group)->header)) voided.insert((*group)->header.sequence);
      opened.push_back({std::move(file), (*group)->header.sequence});
      return {};
    }
    unplaced.push_back(std::move(file));
    return {};
  }

  Result<void> read_file(const Opened& opened) {
    const auto& file = opened.file;
    // Through the page cache, which reads ahead: past it each step would wait for the disk.
    auto cached = files.open(file->path(), OpenMode::read);
    if (!cached) return std::unexpected(cached.error());
    Window window(**cached, file->size());
    std::uint64_t position = kBlock;
    while (position < window.end()) {
      auto group = read_group(window, *file, position);
      if (!group) return std::unexpected(group.error());
      if (!*group) break;
      const GroupHeader& header = (*group)->header;
      mark = std::max(mark, header.durable_through);
      scan.broker_time = std::max(scan.broker_time, WallMs(header.broker_time));
      if (voided.contains(header.sequence) && !is_void(header)) {
        // Its flush failed, so nobody was told of it, whatever is on the disk now.
        RARE("recovery passes over a group whose flush failed");
        file->is_suspect = true;
        break;
      }
      // Said more than once when the first time may not have reached the disk.
      bool repeated = is_void(header) && header.sequence < expected;
      if (repeated) RARE("a void group is repeated in a later file");
      if (header.sequence < replay_from.value() || repeated) {
        // Nobody needs it, and nothing can be demanded of it: released files go in any order, and a
        // torn group that was cut at an earlier start stands beside the one that took its number.
        file->last_sequence = JournalSequence(header.sequence);
        position += (*group)->size;
        continue;
      }
      if (header.sequence != expected) {
        RARE("a journal file holds another group than comes next");
        return std::unexpected(corrupt(
            fmt::format("journal group {} is missing or damaged: {} position {} holds group {}",
                        expected, file->path(), position, header.sequence)));
      }
      std::vector<ScannedFrame> frames;
      auto intact = read_payloads(window, file, **group, frames);
      if (!intact) return std::unexpected(intact.error());
      if (!*intact) {
        RARE("a group's head is whole and its payload is not");
        break;
      }
      ++scan.groups_replayed;
      scan.start.unproven = {file.get(), position, (*group)->size};
      for (ScannedFrame& frame : frames) on_frame(std::move(frame));
      file->last_sequence = JournalSequence(header.sequence);
      expected = header.sequence + 1;
      position += (*group)->size;
    }
    TRY(look_beyond(window, *file, position));
    end_file = file->path();
    end_position = position;
    if (file->last_sequence < replay_from) {
      scan.start.spare.push_back(file);
    } else {
      scan.start.in_use.push_back(file);
    }
    return {};
  }

  // What stands after the last good group: nothing, an older lap, or the remains of a group that
  // was being written.
  Result<void> look_beyond(Window& window, const JournalFile& file, std::uint64_t end) {
    for (std::uint64_t position = end; position < window.end(); position += kBlock) {
      auto group = read_group(window, file, position);
      if (!group) return std::unexpected(group.error());
      if (*group) mark = std::max(mark, (*group)->header.durable_through);
    }
    return note_torn(window, file, end);
  }

  // Whether the group that was to come next was being written at `end`.
  Result<void> note_torn(Window& window, const JournalFile& file, std::uint64_t end) {
    auto head = window.at(end, sizeof(GroupHeader));
    if (!head) return std::unexpected(head.error());
    if (head->size() < sizeof(GroupHeader)) return {};
    GroupHeader header;
    std::memcpy(&header, head->data(), sizeof header);
    if (header.magic == journal_format::kGroupMagic && header.sequence == expected) {
      std::uint64_t size = align_up(sizeof header + header.payload_size +
                                    std::uint64_t{header.frame_count} * sizeof(FrameHeader));
      RARE("recovery cuts a torn tail");
      scan.bytes_cut += size;
      scan.torn.push_back({file.path(), end, JournalSequence(header.sequence), size});
      log_warning("storage",
                  "{}: cut the torn tail at position {}: group {} of {} bytes was being written "
                  "when the broker stopped, and was never answered",
                  file.path(), end, header.sequence, size);
    }
    return {};
  }
};

}  // namespace

Result<JournalScan> scan_journal(FileSystem& files, const std::string& directory,
                                 JournalSequence replay_from, JournalSequence durable_through,
                                 const std::function<void(ScannedFrame)>& on_frame) {
  Scanner scanner{
      files, directory, replay_from, on_frame, {}, durable_through.value(), replay_from.value(),
      {},    0,         {},          {}};
  TRY(scanner.run());
  return std::move(scanner.scan);
}

}  // namespace millrace
