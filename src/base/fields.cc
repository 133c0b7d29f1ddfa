#include "base/fields.h"

namespace millrace {
namespace {

constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kBytes = 2;

void put_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

void FieldWriter::put(std::uint32_t number, std::uint64_t value) {
  put_varint(bytes_, std::uint64_t{number} << 3 | kVarint);
  put_varint(bytes_, value);
}

void FieldWriter::put_signed(std::uint32_t number, std::int64_t value) {
  put(number, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

void FieldWriter::put_bytes(std::uint32_t number, ByteView bytes) {
  put_varint(bytes_, std::uint64_t{number} << 3 | kBytes);
  put_varint(bytes_, bytes.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

bool FieldReader::read_varint(std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes_.empty()) return false;
    std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

std::optional<Field> FieldReader::next() {
  if (!ok_ || bytes_.empty()) return std::nullopt;
  ok_ = false;
  std::uint64_t key = 0;
  Field field;
  if (!read_varint(key) || !read_varint(field.value)) return std::nullopt;
  field.number = static_cast<std::uint32_t>(key >> 3);
  if ((key & 7) == kBytes) {
    if (field.value > bytes_.size()) return std::nullopt;
    field.bytes = bytes_.first(field.value);
    bytes_ = bytes_.subspan(field.value);
  } else if ((key & 7) != kVarint) {
    return std::nullopt;
  }
  ok_ = true;
  return field;
}

}  // namespace millrace
