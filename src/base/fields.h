// Numbered fields: how events and snapshots are written to disk. Each field is a number and a
// varint or a run of bytes (the layout of Protocol Buffers' wire types 0 and 2), so a newer version
// adds fields and an older one skips them.
//
//   FieldWriter event;                               FieldReader reader(bytes);
//   event.put(1, kTopicCreated);                     while (auto field = reader.next()) {
//   event.put_text(2, name);                           switch (field->number) {
//   FieldWriter partition;                               case 2: name = field->text(); break;
//   partition.put(1, id.value());                        case 3:
//   read_partition(FieldReader(field->bytes)); break; event.put_message(3, partition); }
//                                                    }
//                                                    if (!reader.ok()) -> corrupt
// Signed numbers are zigzag encoded by put_signed() and read by as_signed(). A field that is absent
// keeps its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace millrace {

class FieldWriter {
 public:
  void put(std::uint32_t number, std::uint64_t value);
  void put_signed(std::uint32_t number, std::int64_t value);
  void put_bytes(std::uint32_t number, ByteView bytes);
  void put_text(std::uint32_t number, std::string_view text) { put_bytes(number, as_bytes(text)); }
  void put_message(std::uint32_t number, const FieldWriter& message) {
    put_bytes(number, message.view());
  }
  ByteView view() const { return bytes_; }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

struct Field {
  std::uint32_t number = 0;
  std::uint64_t value = 0;  // of a varint field
  ByteView bytes;           // of a bytes field; views what the reader reads

  std::int64_t as_signed() const {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string_view text() const { return as_text(bytes); }
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : bytes_(bytes) {}
  // The next field, or nothing at the end or at damage; ok() tells which.
  std::optional<Field> next();
  bool ok() const { return ok_; }

 private:
  bool read_varint(std::uint64_t& value);
  ByteView bytes_;
  bool ok_ = true;
};

}  // namespace millrace
