// Bytes that travel without being copied: a counted Buffer, Bytes (a counted view of a part of one)
// and ByteChain (a sequence of those, what one gathered write takes).
//
//   BufferRef buffer = Buffer::allocate(65536);      // one block, count and bytes together
//   Bytes frame(buffer, 0, n);                        // keeps the buffer alive
//   Bytes batch = frame.slice(12, 100);
//
// The count is atomic: a batch is received on one core, appended on another and written by the
// journal's thread. Who may write the bytes: the core that allocated the buffer, until it hands a
// view of them on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class BufferRef;

class Buffer {
 public:
  static BufferRef allocate(std::size_t capacity);
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  std::size_t capacity() const { return capacity_; }

 private:
  friend class BufferRef;
  explicit Buffer(std::size_t capacity) : capacity_(capacity) {}
  std::atomic<std::uint32_t> references_{1};
  std::size_t capacity_;
};

class BufferRef {
 public:
  BufferRef() = default;
  BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
    if (buffer_) buffer_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { release(); }

  Buffer* get() const { return buffer_; }
  Buffer* operator->() const { return buffer_; }
  explicit operator bool() const { return buffer_ != nullptr; }
  // Nobody else holds this buffer: its bytes may be written again.
  bool unique() const {
    return buffer_ && buffer_->references_.load(std::memory_order_acquire) == 1;
  }

 private:
  friend class Buffer;
  explicit BufferRef(Buffer* buffer) : buffer_(buffer) {}
  void release();
  Buffer* buffer_ = nullptr;
};

class Bytes {
 public:
  Bytes() = default;
  Bytes(BufferRef owner, std::size_t position, std::size_t size)
      : owner_(std::move(owner)),
        data_(owner_ ? owner_->data() + position : nullptr),
        size_(size) {}
  // A view of memory that lives as long as the process (literals).
  static Bytes of_static(ByteView view) {
    Bytes bytes;
    bytes.data_ = view.data();
    bytes.size_ = view.size();
    return bytes;
  }
  static Bytes copy_of(ByteView view);

  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_, size_}; }
  Bytes slice(std::size_t position, std::size_t size) const {
    Bytes part(*this);
    part.data_ += position;
    part.size_ = size;
    return part;
  }
  // The block behind the view: what keeping this view alive costs.
  std::size_t owner_capacity() const { return owner_ ? owner_->capacity() : 0; }
  // Only for who allocated the buffer and has not handed it on yet.
  std::uint8_t* mutable_data() const { return const_cast<std::uint8_t*>(data_); }

 private:
  BufferRef owner_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

class ByteChain {
 public:
  void append(Bytes part) {
    if (part.empty()) return;
    size_ += part.size();
    parts_.push_back(std::move(part));
  }
  void append(ByteChain chain) {
    size_ += chain.size_;
    for (Bytes& part : chain.parts_) parts_.push_back(std::move(part));
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::vector<Bytes>& parts() const { return parts_; }
  void clear() {
    parts_.clear();
    size_ = 0;
  }
  // One contiguous copy, for tests and for what must be contiguous.
  Bytes flatten() const;

 private:
  std::vector<Bytes> parts_;
  std::size_t size_ = 0;
};

}  // namespace millrace
