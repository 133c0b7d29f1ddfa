// Damaged segments against the read. The input is a place to begin, what to look for, and a list of
// damages to a sound segment: whatever they are, the read ends, and what it gives out are whole
// batches that stand in the file, the first of which holds the offset asked for, or it refuses.
// Where nothing was damaged it finds what was written.
//
//   scripts/test --only fuzz/segment
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "record/batch.h"
#include "storage/segment.h"

namespace {

using namespace millrace;
using Blob = std::vector<std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

class MemoryChunks final : public ChunkSource {
 public:
  // A read of so many damages may look at the whole file so often, and no more: one that goes over
  // it again and again hangs on a segment of a gigabyte.
  MemoryChunks(Blob bytes, std::size_t damages, std::size_t chunk_size)
      : bytes_(std::move(bytes)),
        bytes_left_((8 + damages) * (bytes_.size() + chunk_size)),
        chunk_size_(chunk_size) {}
  const Blob& bytes() const { return bytes_; }

  std::size_t chunk_size() const override { return chunk_size_; }
  Result<Bytes> chunk(std::uint64_t number, std::size_t needed, ReadFrom from) override {
    // Of the cache, no more than was asked for: such a chunk was loaded when the file was shorter.
    const std::size_t size = from == ReadFrom::cache ? needed : chunk_size_;
    const std::size_t begin = std::min(bytes_.size(), number * chunk_size_);
    const std::size_t count = std::min(size, bytes_.size() - begin);
    require(count <= bytes_left_);
    bytes_left_ -= count;
    return Bytes::copy_of(ByteView(bytes_).subspan(begin, count));
  }

 private:
  Blob bytes_;
  std::size_t bytes_left_;
  std::size_t chunk_size_;
};

struct Sound {
  Blob file;
  std::vector<std::uint64_t> positions;  // of the batches
  std::vector<BatchPlace> places;
};

// Batches of one to five records; two are larger than a chunk.
const Sound& sound() {
  static const Sound made = [] {
    Sound segment;
    Offset next{100};
    for (std::size_t i = 0; i < 60; ++i) {
      const std::size_t bytes = i == 20 ? 70'000 : i == 40 ? 600'000 : i * 97 % 2500;
      BatchBuilder builder;
      builder.base_offset(next);
      for (std::size_t record = 0; record <= i % 5; ++record) {
        builder.add(WallMs(static_cast<std::int64_t>(1000 + i)), std::nullopt,
                    Blob(record == 0 ? bytes : 3, static_cast<std::uint8_t>(i)));
      }
      const Bytes batch = builder.build();
      const auto header = read_batch_header(batch.view());
      segment.positions.push_back(segment.file.size());
      segment.places.push_back(
          {header->base_offset, header->last_offset(), header->max_timestamp, header->size});
      segment.file.insert(segment.file.end(), batch.data(), batch.data() + batch.size());
      next = header->next_offset();
    }
    return segment;
  }();
  return made;
}

// Each damage takes four bytes: the kind, a batch, a byte of its header, a value.
void damage(Blob& file, ByteView damages) {
  for (; damages.size() >= 4 && !file.empty(); damages = damages.subspan(4)) {
    const std::size_t start = sound().positions[damages[1] % sound().positions.size()];
    const std::size_t at = std::min(start + damages[2] % kBatchHeaderSize, file.size() - 1);
    const auto from = file.begin() + static_cast<std::ptrdiff_t>(at);
    switch (damages[0] % 6) {
      case 0:
        file[at] = damages[3];
        break;
      case 1:
        file[at] ^= static_cast<std::uint8_t>(1 << (damages[3] & 7));
        break;
      case 2:  // a sector is gone
        std::fill_n(from, std::min<std::size_t>(512, file.size() - at), damages[3]);
        break;
      case 3:  // bytes are missing; what follows moved to the front
        file.erase(from, from + std::min<std::ptrdiff_t>(damages[3], file.end() - from));
        break;
      case 4:  // the file is shorter
        file.resize(at);
        break;
      case 5: {  // another batch's header
        const std::size_t other = sound().positions[damages[3] % sound().positions.size()];
        if (std::max(start, other) + kBatchHeaderSize > file.size()) break;
        std::memmove(file.data() + start, file.data() + other, kBatchHeaderSize);
        break;
      }
    }
  }
}

struct Question {
  std::uint64_t position;
  Offset offset;
  std::size_t bytes_max;
  Offset limit;
};

// What holds of every answer, whatever the file holds.
void check_answer(const Blob& file, std::uint64_t end, const Question& asked,
                  const SegmentRead& read) {
  const std::uint64_t start = read.begin;
  require(start >= asked.position && start + read.batches.size() == read.end);
  require(read.end <= std::min<std::uint64_t>(end, file.size()));
  const Bytes batches = read.batches.flatten();
  require(std::memcmp(file.data() + start, batches.data(), batches.size()) == 0);
  // Whole batches below the limit, no more than asked for unless the first one is.
  std::size_t at = 0;
  Offset next{-1};
  while (at < batches.size()) {
    const auto header = read_batch_header(batches.view().subspan(at));
    require(header.has_value() && header->last_offset() < asked.limit);
    at += header->size;
    require(at <= asked.bytes_max || at == header->size);
    next = header->next_offset();
  }
  require(at > 0 && at == batches.size() && next == read.next);
}

void check_sound(const Question& asked, const Result<SegmentRead>& read) {
  const Sound& segment = sound();
  // The first batch from the position on that reaches the offset.
  std::size_t i = 0;
  while (i < segment.places.size() &&
         (segment.positions[i] < asked.position || segment.places[i].last < asked.offset)) {
    ++i;
  }
  // Who asks from behind the offset is told that it is not where it should be.
  if (i == segment.places.size() || segment.places[i].last >= asked.limit ||
      segment.places[i].base > asked.offset) {
    require(!read);
    return;
  }
  require(read.has_value() && read->begin == segment.positions[i]);
  std::size_t size = segment.places[i].size;
  for (++i; i < segment.places.size(); ++i) {
    if (size + segment.places[i].size > asked.bytes_max) break;
    if (segment.places[i].last >= asked.limit) break;
    size += segment.places[i].size;
  }
  require(read->batches.size() == size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 6) return 0;
  const Sound& segment = sound();
  const auto pick = [&](std::uint8_t byte) { return byte % segment.positions.size(); };
  Question asked{};
  asked.position = segment.positions[pick(data[1])];
  asked.offset = segment.places[pick(data[2])].base + (data[3] & 7) - 2;
  asked.bytes_max = std::size_t{data[3]} << (data[4] % 12);
  asked.limit = data[5] == 0 ? Offset(std::numeric_limits<std::int64_t>::max())
                             : segment.places[pick(data[5])].last + 1;
  const bool anywhere = data[0] & 1;  // not at a batch's beginning
  if (anywhere) asked.position += data[3];

  Blob bytes = segment.file;
  damage(bytes, ByteView(data + 6, size - 6));
  MemoryChunks file(std::move(bytes), (size - 6) / 4, data[0] & 4 ? 4096 : 65536);
  const std::uint64_t end = segment.file.size();
  const bool is_sound = !anywhere && file.bytes() == segment.file;
  const auto read_from = data[0] & 2 ? ReadFrom::cache : ReadFrom::device;
  auto read = read_segment(file, asked.position, end, asked.offset, asked.bytes_max, asked.limit,
                           read_from);
  if (is_sound) check_sound(asked, read);
  if (!read) {
    const Error& error = read.error();
    require(error.code == ErrorCode::offset_out_of_range ||
            (error.code == ErrorCode::storage_corrupt && !error.detail.empty()));
    return 0;
  }
  check_answer(file.bytes(), end, asked, *read);
  // The first batch given is the first one from the position on that reaches the offset.
  auto walked = walk_segment(file, asked.position, end, segment.positions.size());
  require(walked || read->begin == asked.position || !is_sound);
  for (const auto& [at, batch] :
       walked.value_or(std::vector<std::pair<std::uint64_t, BatchPlace>>{})) {
    if (at < read->begin) require(batch.last < asked.offset);
    if (at == read->begin) require(batch.last >= asked.offset);
  }
  return 0;
}
