#include "protocols/kafka/wire/writer.h"

#include <algorithm>

#include "base/assert.h"
#include "protocols/kafka/wire/reader.h"

namespace millrace::kafka {

void Writer::seal() {
  if (cursor_ == start_) return;
  const auto position = static_cast<std::size_t>(start_ - buffer_->data());
  chain_.append(Bytes(buffer_, position, static_cast<std::size_t>(cursor_ - start_)));
  start_ = cursor_;
}

void Writer::grow(std::size_t size) {
  seal();
  const std::size_t capacity = std::max(next_buffer_, size);
  next_buffer_ = std::min(capacity * 2, std::max(capacity, kBufferBytesMax));
  buffer_ = Buffer::allocate(capacity);
  start_ = cursor_ = buffer_->data();
  limit_ = start_ + capacity;
}

void Writer::copy(ByteView view) {
  if (view.empty()) return;
  std::memcpy(space(view.size()), view.data(), view.size());
  cursor_ += view.size();
}

void Writer::append(const Bytes& part) {
  if (part.size() < kReferenceBytesMin) return copy(part.view());
  seal();
  chain_.append(part);
}

void Writer::unsigned_varint(std::uint32_t value) {
  std::uint8_t* place = space(5);
  for (; value >= 0x80; value >>= 7) *place++ = static_cast<std::uint8_t>(value | 0x80);
  *place++ = static_cast<std::uint8_t>(value);
  cursor_ = place;
}

void Writer::short_length(std::size_t length, bool compact) {
  if (compact)
    unsigned_varint(static_cast<std::uint32_t>(length + 1));
  else
    number(static_cast<std::int16_t>(length));
}

void Writer::long_length(std::size_t length, bool compact) {
  ASSERT(length <= 0x7fffffff);
  if (compact)
    unsigned_varint(static_cast<std::uint32_t>(length + 1));
  else
    number(static_cast<std::int32_t>(length));
}

void Writer::null_or_empty(bool wide, bool compact, bool null_allowed) {
  const int length = null_allowed ? -1 : 0;
  if (compact)
    unsigned_varint(static_cast<std::uint32_t>(length + 1));
  else if (wide)
    number(static_cast<std::int32_t>(length));
  else
    number(static_cast<std::int16_t>(length));
}

void Writer::string(std::string_view value, bool compact) {
  value = value.substr(0, kStringBytesMax);
  short_length(value.size(), compact);
  copy(as_bytes(value));
}

void Writer::string(const std::optional<std::string>& value, bool compact, bool null_allowed) {
  if (value)
    string(*value, compact);
  else
    null_or_empty(false, compact, null_allowed);
}

void Writer::bytes(const Bytes& value, bool compact) {
  long_length(value.size(), compact);
  append(value);
}

void Writer::bytes(const std::optional<Bytes>& value, bool compact, bool null_allowed) {
  if (value)
    bytes(*value, compact);
  else
    null_or_empty(true, compact, null_allowed);
}

void Writer::bytes(const ByteChain& value, bool compact) {
  long_length(value.size(), compact);
  for (const Bytes& part : value.parts()) append(part);
}

void Writer::bytes(const std::optional<ByteChain>& value, bool compact, bool null_allowed) {
  if (value)
    bytes(*value, compact);
  else
    null_or_empty(true, compact, null_allowed);
}

void Writer::reserve_frame_length() {
  ASSERT(size() == 0);
  number(std::int32_t{0});
  frame_length_ = start_;
}

ByteChain Writer::finish() {
  seal();
  if (frame_length_) {
    const std::size_t length = chain_.size() - sizeof(std::uint32_t);
    ASSERT(length <= 0x7fffffff);
    for (int i = 0; i < 4; ++i)
      frame_length_[i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
    frame_length_ = nullptr;
  }
  return std::exchange(chain_, {});
}

}  // namespace millrace::kafka
