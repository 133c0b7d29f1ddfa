#include "base/bytes.h"

#include <cstring>
#include <new>

namespace millrace {

BufferRef Buffer::allocate(std::size_t capacity) {
  void* block = ::operator new(sizeof(Buffer) + capacity);
  return BufferRef(new (block) Buffer(capacity));
}

void BufferRef::release() {
  if (!buffer_) return;
  if (buffer_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    buffer_->~Buffer();
    ::operator delete(buffer_);
  }
  buffer_ = nullptr;
}

Bytes Bytes::copy_of(ByteView view) {
  if (view.empty()) return {};
  BufferRef buffer = Buffer::allocate(view.size());
  std::memcpy(buffer->data(), view.data(), view.size());
  return Bytes(std::move(buffer), 0, view.size());
}

Bytes ByteChain::flatten() const {
  if (parts_.size() == 1) return parts_.front();
  if (size_ == 0) return {};
  BufferRef buffer = Buffer::allocate(size_);
  std::size_t position = 0;
  for (const Bytes& part : parts_) {
    std::memcpy(buffer->data() + position, part.data(), part.size());
    position += part.size();
  }
  return Bytes(std::move(buffer), 0, size_);
}

}  // namespace millrace
