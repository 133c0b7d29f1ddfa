#include "protocols/amqp/wire/writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "protocols/amqp/wire/content_header.h"

namespace millrace::amqp {
namespace {

std::uint8_t* store_bytes(std::uint8_t* to, ByteView bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace

std::uint8_t* FrameWriter::store_header_frame(std::uint8_t* to, std::uint16_t channel,
                                              ByteView properties, std::size_t body_bytes) {
  to = store_frame_header(to, FrameType::header, channel, kContentHeaderBytes + properties.size());
  to = store_bytes(store_content_header(to, body_bytes), properties);
  *to++ = kFrameEnd;
  return to;
}

std::uint8_t* FrameWriter::store_body_frame(std::uint8_t* to, std::uint16_t channel,
                                            ByteView body) {
  to = store_frame_header(to, FrameType::body, channel, body.size());
  to = store_bytes(to, body);
  *to++ = kFrameEnd;
  return to;
}

void FrameWriter::body_frames(std::uint16_t channel, const Bytes& body,
                              std::size_t payload_bytes_max) {
  ASSERT(payload_bytes_max > 0);
  for (std::size_t position = 0; position < body.size();) {
    const std::size_t size = std::min(body.size() - position, payload_bytes_max);
    if (size < kReferenceBytesMin) {
      std::uint8_t* to = space(size + kFrameOverheadBytes);
      cursor_ = store_body_frame(to, channel, body.view().subspan(position, size));
    } else {
      cursor_ = store_frame_header(space(kFrameHeaderBytes), FrameType::body, channel, size);
      seal();
      chain_.append(body.slice(position, size));
      *space(1) = kFrameEnd;
      ++cursor_;
    }
    position += size;
  }
}

void FrameWriter::heartbeat() {
  std::uint8_t* to = space(kFrameOverheadBytes);
  to = store_frame_header(to, FrameType::heartbeat, 0, 0);
  *to++ = kFrameEnd;
  cursor_ = to;
}

void FrameWriter::greeting() { cursor_ = store_bytes(space(kGreetingBytes), kGreeting); }

void FrameWriter::grow(std::size_t size) {
  seal();
  const std::size_t bytes = std::max(size, next_block_bytes_);
  next_block_bytes_ = std::min(next_block_bytes_ * 2, kBlockBytesMax);
  block_ = Buffer::allocate(bytes);
  start_ = cursor_ = block_->data();
  limit_ = start_ + bytes;
}

void FrameWriter::seal() {
  if (cursor_ == start_) return;
  const auto position = static_cast<std::size_t>(start_ - block_->data());
  chain_.append(Bytes(block_, position, static_cast<std::size_t>(cursor_ - start_)));
  start_ = cursor_;
}

ByteChain FrameWriter::take() {
  seal();
  return std::exchange(chain_, ByteChain());
}

void FrameWriter::shrink() {
  ASSERT(empty());
  block_ = BufferRef();
  start_ = cursor_ = limit_ = nullptr;
  next_block_bytes_ = kBlockBytesFirst;
}

}  // namespace millrace::amqp
