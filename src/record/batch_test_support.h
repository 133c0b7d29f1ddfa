// What the tests of batches share: batches with any records and header fields, sound checksums
// included, so that a test reaches the check it is about.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "record/batch.h"
#include "record/batch_layout.h"
#include "record/crc32c.h"
#include "record/endian.h"
#include "record/varint.h"

namespace millrace::test {

using Blob = std::vector<std::uint8_t>;

inline Blob run_of(const Bytes& bytes) { return {bytes.data(), bytes.data() + bytes.size()}; }

inline Blob from_hex(std::string_view hex) {
  Blob run;
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    run.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return run;
}

// Makes length and checksum fit the bytes.
inline Blob sealed(Blob batch) {
  store_big_endian(batch.data() + batch_layout::kLength,
                   static_cast<std::int32_t>(batch.size() - kBatchLengthEnd));
  store_big_endian(batch.data() + batch_layout::kCrc,
                   crc32c(ByteView(batch).subspan(batch_layout::kAttributes)));
  return batch;
}

// A batch with one field of the header set to something else.
template <class Number>
Blob with_field(Blob batch, std::size_t position, Number value) {
  store_big_endian(batch.data() + position, value);
  return sealed(std::move(batch));
}

// A batch with these bytes for its records.
inline Blob with_records(ByteView records, std::int32_t record_count,
                         Compression compression = Compression::none) {
  BatchBuilder builder;
  builder.add(WallMs(1000), std::nullopt, std::nullopt);
  Blob batch = run_of(builder.build());
  batch.resize(kBatchHeaderSize);
  batch.insert(batch.end(), records.begin(), records.end());
  store_big_endian(batch.data() + batch_layout::kAttributes,
                   static_cast<std::int16_t>(compression));
  store_big_endian(batch.data() + batch_layout::kLastOffsetDelta, record_count - 1);
  return with_field(std::move(batch), batch_layout::kRecordCount, record_count);
}

// A record from its parts after the length, which is put before them.
inline Blob record_of(std::initializer_list<int> parts) {
  Blob record;
  append_varint(record, static_cast<std::int32_t>(parts.size()));
  for (int part : parts) record.push_back(static_cast<std::uint8_t>(part));
  return record;
}

}  // namespace millrace::test
