// Where decompressed bytes go: memory that grows with what is really produced, up to a limit.
//
//   DecompressionBuffer buffer;
//   Result<ByteView> records = decompress(Compression::zstd, small, bytes_max, buffer);
//
// Keeps its memory from one use to the next. Belongs to who made it, on one core; views of it hold
// until its next use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"

namespace millrace {

class DecompressionBuffer {
 public:
  DecompressionBuffer() = default;
  DecompressionBuffer(DecompressionBuffer&& other) noexcept { swap(other); }
  DecompressionBuffer& operator=(DecompressionBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  ByteView view() const { return {block_.get(), size_}; }
  std::size_t capacity() const { return capacity_; }
  // Gives the memory back when it is more than `bytes_max`.
  void keep_at_most(std::size_t bytes_max);

  // For codecs: empties it and sets the most bytes that may be produced.
  void start(std::size_t bytes_max, std::size_t size_guess);
  // Space after what was produced, at least one byte, up to one byte past the limit so that going
  // over it shows. Empty when the limit has been passed.
  MutableByteView room();
  // Exactly `size` bytes of space, or empty when that would pass the limit. Only for a size that
  // was checked against the input; 0 is not a size.
  MutableByteView room_for(std::size_t size);
  void produced(std::size_t size);
  bool over_limit() const { return size_ > bytes_max_; }
  std::size_t bytes_max() const { return bytes_max_; }

 private:
  void grow(std::size_t capacity);
  void swap(DecompressionBuffer& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    std::swap(bytes_max_, other.bytes_max_);
  }

  std::unique_ptr<std::uint8_t[]> block_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t bytes_max_ = 0;
};

}  // namespace millrace
