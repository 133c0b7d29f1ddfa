// The journal's bytes. A lane is a set of files of one size; each starts with a file header block,
// then groups, each on a 4 KiB boundary. All numbers little-endian; sizes in bytes. Version 2;
// version 1 had no references.
//
//   file   = FileHeader, zeros up to 4096, group, group, ..., zeros
//   group  = GroupHeader, FrameHeader x frame_count, payload x frame_count, zeros up to the next 4
//   KiB boundary
//
// The group's checksum covers its header and its directory (the frame headers) and is seeded with
// the file's id and lap, so the groups that a recycled file held before can't be taken for new
// ones. A payload is a record batch; the directory repeats its checksum, offset and epoch, so a
// payload is proven by its own checksum and these (STORAGE.md rule 3). Or it is a Reference, and
// the directory has the checksum of that.
#pragma once

#include <bit>
#include <cstdint>

namespace millrace::journal_format {

static_assert(std::endian::native == std::endian::little,
              "the files are little-endian, as this code is");

inline constexpr std::uint64_t kFileMagic = 0x314e52554f4a524d;  // "MRJOURN1"
inline constexpr std::uint32_t kGroupMagic = 0x5047524d;         // "MRGP"
inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::uint32_t kOldestVersion = 1;  // that is read
inline constexpr std::uint64_t kBlock = 4096;

// Whether groups may have been written to a file in its lap. Written before the first of them and
// flushed with it, so what stands in a free file was never answered, and a start need not look for
// it: most of a journal may be free.
enum class FileState : std::uint32_t {
  in_use = 0,  // or not known: all that earlier programs wrote
  free = 1,
};

struct FileHeader {
  std::uint64_t magic = kFileMagic;
  std::uint32_t version = kVersion;
  std::uint32_t lane = 0;
  std::uint64_t file_id = 0;
  std::uint64_t lap = 0;  // how often the file was taken into use
  std::uint64_t file_size = 0;
  FileState state = FileState::in_use;
  std::uint32_t crc = 0;  // of the bytes before
};
static_assert(sizeof(FileHeader) == 48);

enum class GroupKind : std::uint8_t {
  data = 1,
  mark = 2,   // no frames: carries durable_through alone
  index = 3,  // reserved: the directory of a full file, written as its last group
  // No frames, the first group of a new file: the group of the same sequence in any other file
  // counts for nothing. Written when its flush failed (STORAGE.md rule 4).
  voided = 4,
};

struct GroupHeader {
  std::uint32_t magic = kGroupMagic;
  std::uint32_t crc = 0;  // of everything after this field up to the end of the directory
  std::uint16_t header_size = 0;
  GroupKind kind = GroupKind::data;
  std::uint8_t flags = 0;
  std::uint32_t frame_count = 0;
  std::uint32_t payload_size = 0;  // all payloads together
  std::uint32_t lane = 0;
  std::uint64_t sequence = 0;  // gapless over all files of the lane
  std::uint64_t durable_through =
      0;  // flush mark: groups up to this one were flushed when this one was written
  std::int64_t broker_time = 0;  // ms since the epoch; never goes back
  std::uint64_t reserved = 0;
};
static_assert(sizeof(GroupHeader) == 56);

enum class FrameKind : std::uint8_t {
  batch = 1,
  reference = 2,  // the batch stands in a segment, and was durable there before this was written
};

struct FrameHeader {
  std::uint64_t partition = 0;
  std::int64_t base_offset = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t payload_crc = 0;  // the batch's own checksum field; of a reference, its CRC-32C
  std::int32_t leader_epoch = 0;
  FrameKind kind = FrameKind::batch;
  std::uint8_t flags = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(FrameHeader) == 32);

// The payload of a reference frame.
struct Reference {
  std::uint64_t file_number = 0;       // of the segment
  std::uint64_t position = 0;          // in it
  std::uint8_t batch_header[61] = {};  // what recovery needs to know of the batch
  std::uint8_t reserved[3] = {};
};
static_assert(sizeof(Reference) == 80);

inline constexpr std::uint64_t align_up(std::uint64_t size) {
  return (size + kBlock - 1) / kBlock * kBlock;
}

}  // namespace millrace::journal_format
