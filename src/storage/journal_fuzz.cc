// Damaged journals against the scan. The input is a list of damages to a sound journal of two small
// files: whatever they are, the scan ends, and what it gives out is what was written, in order and
// without a gap, or it refuses. The first byte says whether checksums of headers are made good
// again, so that the fuzzer gets past them.
//
//   scripts/test --only fuzz/journal
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/log.h"
#include "record/batch.h"
#include "record/crc32c.h"
#include "runtime/sim/sim_disk.h"
#include "storage/journal_scan.h"

namespace {

using namespace millrace;
using namespace millrace::journal_format;
using Blob = std::vector<std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::uint64_t kFileBytes = 10 * kBlock;

template <class Header>
void put(Blob& to, std::size_t at, const Header& header) {
  std::memcpy(to.data() + at, &header, sizeof header);
}
template <class Header>
Header get(const Blob& from, std::size_t at) {
  Header header;
  std::memcpy(&header, from.data() + at, sizeof header);
  return header;
}

std::uint32_t seed_of(const FileHeader& header) {
  std::uint64_t identity[2] = {header.file_id, header.lap};
  return crc32c({reinterpret_cast<const std::uint8_t*>(identity), sizeof identity});
}

void seal(Blob& file) {
  auto header = get<FileHeader>(file, 0);
  header.crc = crc32c({reinterpret_cast<const std::uint8_t*>(&header), offsetof(FileHeader, crc)});
  put(file, 0, header);
  for (std::size_t at = kBlock; at + sizeof(GroupHeader) <= file.size(); at += kBlock) {
    auto group = get<GroupHeader>(file, at);
    std::uint64_t front = sizeof group + std::uint64_t{group.frame_count} * sizeof(FrameHeader);
    if (group.magic != kGroupMagic || at + front > file.size()) continue;
    group.crc = crc32c(ByteView(file).subspan(at + 8, front - 8), seed_of(header));
    put(file, at, group);
  }
}

// Every fifth batch stands in a segment, which the scan does not look into.
bool is_referred_to(std::int64_t offset) { return offset % 5 == 3; }

Blob reference_to(const Bytes& batch, std::int64_t offset) {
  Reference reference;
  reference.file_number = 100 + static_cast<std::uint64_t>(offset);
  reference.position = 1000 * static_cast<std::uint64_t>(offset);
  std::memcpy(reference.batch_header, batch.data(), sizeof reference.batch_header);
  Blob payload(sizeof reference);
  put(payload, 0, reference);
  return payload;
}

struct Sound {
  Blob files[2];
  std::map<std::int64_t, Blob> batches;  // by offset; one partition
};

const Sound& sound() {
  static const Sound made = [] {
    Sound journal;
    std::uint64_t sequence = 1;
    std::int64_t offset = 0;
    for (std::uint64_t id = 1; id <= 2; ++id) {
      Blob& file = journal.files[id - 1];
      file.resize(kFileBytes);
      FileHeader header;
      header.file_id = id;
      header.lap = id;
      header.file_size = kFileBytes;
      put(file, 0, header);
      for (std::size_t at = kBlock; at + 2 * kBlock <= file.size(); ++sequence) {
        const std::size_t frames = sequence % 4;  // none: a mark
        GroupHeader group;
        group.header_size = sizeof group;
        group.kind = frames == 0 ? GroupKind::mark : GroupKind::data;
        group.frame_count = static_cast<std::uint32_t>(frames);
        group.sequence = sequence;
        group.durable_through = sequence - 1;
        std::size_t payload = at + sizeof group + frames * sizeof(FrameHeader);
        for (std::size_t i = 0; i < frames; ++i) {
          BatchBuilder builder;
          Blob value(1 + 700 * i, static_cast<std::uint8_t>(sequence));
          builder.base_offset(Offset(offset)).add(WallMs(1), std::nullopt, value);
          Bytes batch = builder.build();
          FrameHeader frame;
          frame.partition = 7;
          frame.base_offset = offset;
          Blob bytes{batch.data(), batch.data() + batch.size()};
          frame.payload_crc = read_batch_header(batch.view())->crc;
          frame.leader_epoch = -1;
          journal.batches[offset] = bytes;
          if (is_referred_to(offset)) {
            bytes = reference_to(batch, offset);
            frame.kind = FrameKind::reference;
            frame.payload_crc = crc32c(bytes);
          }
          frame.payload_size = static_cast<std::uint32_t>(bytes.size());
          put(file, at + sizeof group + i * sizeof frame, frame);
          std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(payload));
          payload += bytes.size();
          group.payload_size += frame.payload_size;
          ++offset;
        }
        put(file, at, group);
        at = align_up(payload);
      }
      seal(file);
    }
    return journal;
  }();
  return made;
}

// Each damage takes four bytes: file and kind, position (two), value.
void damage(Blob (&files)[2], ByteView damages) {
  for (; damages.size() >= 4; damages = damages.subspan(4)) {
    Blob& file = files[damages[0] & 1];
    if (file.empty()) continue;
    std::size_t at = (std::size_t{damages[1]} << 8 | damages[2]) % file.size();
    switch (damages[0] >> 1 & 7) {
      case 0:
        file[at] = damages[3];
        break;
      case 1:
        file[at] ^= static_cast<std::uint8_t>(1 << (damages[3] & 7));
        break;
      case 2:  // a sector is gone
        at -= at % kSectorBytes;
        std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min<std::size_t>(kSectorBytes, file.size() - at), damages[3]);
        break;
      case 3:  // the file is shorter
        file.resize(at);
        break;
      case 4:  // a header field; positions in one block
        file[std::min(at / kBlock * kBlock + damages[3] % 64, file.size() - 1)] = damages[2];
        break;
      case 5:  // a block is somewhere else
        at -= at % kBlock;
        if (std::size_t to = damages[3] % 10 * kBlock;
            to + kBlock <= file.size() && at + kBlock <= file.size()) {
          std::memmove(file.data() + to, file.data() + at, kBlock);
        }
        break;
      case 6:  // the other file's block
        at -= at % kBlock;
        if (Blob& other = files[~damages[0] & 1];
            at + kBlock <= other.size() && at + kBlock <= file.size()) {
          std::memcpy(file.data() + at, other.data() + at, kBlock);
        }
        break;
      case 7:  // the file is gone
        if (damages[3] == 0) file.clear();
        break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  set_log_level(static_cast<LogLevel>(static_cast<int>(LogLevel::error) + 1));
  Blob files[2] = {sound().files[0], sound().files[1]};
  damage(files, ByteView(data + 2, size - 2));
  const bool sealed = data[0] & 1;
  if (sealed) {
    for (Blob& file : files) {
      if (file.size() >= sizeof(FileHeader)) seal(file);
    }
  }
  SimDisk disk(1);
  disk.make_durable_directory("journal");
  for (int i = 0; i < 2; ++i) {
    if (files[i].empty()) continue;
    auto file = disk.files().open("journal/0-0000000" + std::to_string(i + 1) + ".journal",
                                  OpenMode::create);
    ByteChain bytes;
    bytes.append(Bytes::copy_of(files[i]));
    require((*file)->write_at(0, bytes).has_value());
  }
  std::vector<ScannedFrame> frames;
  JournalSequence replay_from(1 + data[1] % 8u);
  auto scan = scan_journal(disk.files(), "journal", replay_from, JournalSequence(0),
                           [&](ScannedFrame frame) { frames.push_back(std::move(frame)); });
  if (!scan) {
    require(scan.error().code == ErrorCode::storage_corrupt && !scan.error().detail.empty());
    return 0;
  }
  require(scan->start.next_sequence >= replay_from);
  for (const ScannedFrame& frame : frames) {
    if (frame.segment) {
      if (sealed) continue;
      const std::int64_t offset = frame.batch.base_offset.value();
      require(is_referred_to(offset) && sound().batches.contains(offset));
      require(*frame.segment == 100 + static_cast<std::uint64_t>(offset));
      require(frame.position == 1000 * static_cast<std::uint64_t>(offset));
      require(frame.batch.size == sound().batches.at(offset).size());
      continue;
    }
    Blob batch(frame.batch.size);
    auto count = frame.file->file().read_at(frame.position, batch);
    require(count && *count == batch.size() && checksum_matches(batch));
    if (sealed) continue;  // then the damage may be signed, and anything may be there
    auto written = sound().batches.find(frame.batch.base_offset.value());
    require(written != sound().batches.end() && written->second == batch);
  }
  if (sealed) return 0;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    require(frames[i].batch.base_offset == frames[i - 1].batch.base_offset + 1);
  }
  return 0;
}
