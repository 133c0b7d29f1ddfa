#include "record/decompression_buffer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.h"

namespace millrace {

void DecompressionBuffer::keep_at_most(std::size_t bytes_max) {
  if (capacity_ <= bytes_max) return;
  block_.reset();
  capacity_ = size_ = 0;
}

void DecompressionBuffer::start(std::size_t bytes_max, std::size_t size_guess) {
  ASSERT(bytes_max < std::numeric_limits<std::size_t>::max());
  size_ = 0;
  bytes_max_ = bytes_max;
  const std::size_t wanted = std::min(size_guess, bytes_max + 1);
  if (wanted > capacity_) grow(wanted);
}

MutableByteView DecompressionBuffer::room() {
  if (over_limit()) return {};
  if (size_ == capacity_)
    grow(std::min(std::max<std::size_t>(capacity_ * 2, 4096), bytes_max_ + 1));
  return {block_.get() + size_, std::min(capacity_, bytes_max_ + 1) - size_};
}

MutableByteView DecompressionBuffer::room_for(std::size_t size) {
  ASSERT(size > 0);
  if (over_limit() || size > bytes_max_ - size_) return {};
  const std::size_t needed = size_ + size;
  if (needed > capacity_) grow(std::max(needed, std::min(capacity_ * 2, bytes_max_ + 1)));
  return {block_.get() + size_, size};
}

void DecompressionBuffer::produced(std::size_t size) {
  ASSERT(size <= capacity_ - size_);
  size_ += size;
}

void DecompressionBuffer::grow(std::size_t capacity) {
  ASSERT(capacity > capacity_);
  auto block = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  if (size_ > 0) std::memcpy(block.get(), block_.get(), size_);
  block_ = std::move(block);
  capacity_ = capacity;
}

}  // namespace millrace
