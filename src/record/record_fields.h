// One record inside a batch's records, taken apart in place: nothing is copied or allocated, no
// length is believed before it was compared with the bytes that are there.
//
//   length varint, attributes int8, timestamp delta varlong, offset delta varint,
//   key length varint (-1: null) and key, value length varint (-1: null) and value,
//   header count varint, each header: key length varint and key, value length varint and value
//
// Source: Apache Kafka's protocol guide, "Record". This is the hot path of every produce request,
// hence inline. The record's attributes are unused in the format, and ignored by all readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "record/varint.h"

namespace millrace {

// A key or value: null, or bytes of the batch.
struct RunField {
  const std::uint8_t* data = nullptr;
  std::int32_t size = -1;

  std::optional<ByteView> view() const {
    if (data == nullptr) return std::nullopt;
    return ByteView(data, static_cast<std::size_t>(size));
  }
};

struct RecordFields {
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  RunField key;
  RunField value;
  std::int32_t header_count = 0;
  const std::uint8_t* headers = nullptr;  // checked: read_header() can't fail on them
};

// Reads a length and that many bytes; -1 is null where `nullable`. False when they don't fit.
[[gnu::always_inline]] inline bool read_run(const std::uint8_t*& at, const std::uint8_t* end,
                                            bool nullable, RunField& run) {
  std::int32_t size = 0;
  if (!read_varint(at, end, size)) return false;
  if (size < 0) {
    run = RunField();
    return nullable && size == -1;
  }
  if (size > end - at) return false;
  run = RunField{at, size};
  at += size;
  return true;
}

[[gnu::always_inline]] inline bool read_header(const std::uint8_t*& at, const std::uint8_t* end,
                                               RunField& key, RunField& value) {
  return read_run(at, end, false, key) && read_run(at, end, true, value);
}

// Takes the record at `at`, which moves past it. Null when it is well-formed and fills its length
// exactly, else what is wrong with it.
[[gnu::always_inline]] inline const char* read_record(const std::uint8_t*& at,
                                                      const std::uint8_t* end,
                                                      RecordFields& fields) {
  std::int32_t size = 0;
  if (!read_varint(at, end, size)) return "has no valid length";
  if (size < 1 || size > end - at) return "has a length that goes past the end of the batch";
  const std::uint8_t* record_end = at + size;
  ++at;  // attributes
  if (!read_varlong(at, record_end, fields.timestamp_delta)) return "has no valid timestamp";
  if (!read_varint(at, record_end, fields.offset_delta)) return "has no valid offset";
  if (!read_run(at, record_end, true, fields.key)) return "has a key that does not fit it";
  if (!read_run(at, record_end, true, fields.value)) return "has a value that does not fit it";
  std::int32_t count = 0;
  if (!read_varint(at, record_end, count)) return "has no valid header count";
  if (count < 0) return "has a negative header count";
  fields.header_count = count;
  fields.headers = at;
  for (; count > 0; --count) {
    RunField key;
    RunField value;
    if (!read_header(at, record_end, key, value)) return "has a header that does not fit it";
  }
  if (at != record_end) return "is shorter than its length says";
  return nullptr;
}

}  // namespace millrace
