// Random bytes against everything here that reads a batch. The first byte chooses how the rest is
// used, so that the fuzzer gets past the checksum and into the codecs.
//
//   scripts/test --only fuzz/batch
#include <cstdlib>

#include "record/batch.h"
#include "record/batch_test_support.h"

namespace {

using namespace millrace;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_batch(ByteView bytes) {
  BatchLimits limits;
  limits.decompressed_bytes_max = 256 * 1024;
  Result<BatchHeader> valid = validate_batch(bytes, limits);
  RecordReader reader(bytes, limits);
  std::int32_t count = 0;
  while (auto record = reader.next()) {
    // Every view lies in readable memory, which the sanitizer sees to.
    std::size_t sum = 0;
    if (record->key)
      for (std::uint8_t byte : *record->key) sum += byte;
    if (record->value)
      for (std::uint8_t byte : *record->value) sum += byte;
    for (const RecordHeader& header : record->headers)
      sum += header.key.size() + header.value.value_or("").size();
    require(sum < SIZE_MAX);
    require(!valid || record->offset == valid->base_offset + count);
    ++count;
  }
  // What was accepted can be read, to the end, and counted with.
  if (!valid) return;
  require(reader.ok());
  require(count == valid->record_count);
  require(valid->next_offset() == valid->last_offset() + 1);
  valid->last_sequence();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t mode = data[0];
  const ByteView rest(data + 1, size - 1);
  if (mode == 0) {
    check_batch(rest);
  } else if (mode < 8) {
    // The records of a sound batch: plain, or compressed already.
    const auto compression = static_cast<Compression>(mode & 7);
    check_batch(test::with_records(rest, 1 + mode % 3, compression));
  } else if (mode < 16) {
    // The records before compression.
    const auto compression = static_cast<Compression>(1 + mode % 4);
    check_batch(test::with_records(compress(compression, rest), 1 + mode % 3, compression));
  } else if (rest.size() >= kBatchHeaderSize) {
    // A whole batch with length and checksum put right.
    test::Blob batch(rest.begin(), rest.end());
    batch[batch_layout::kMagic] = kBatchMagic;
    check_batch(test::sealed(std::move(batch)));
  }
  return 0;
}
