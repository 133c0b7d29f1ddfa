// Frames for sending, collected in blocks and given away as a chain of bytes.
//
//   FrameWriter out;
//   out.method(channel, BasicConsumeOk{.consumer_tag = tag});
//   out.content(channel, BasicDeliver{...}, raw_properties, body, frame_bytes_max);
//   socket.write(out.take());
//
// Small parts are copied behind each other into one block; bodies from kReferenceBytesMin on are
// hung in as they are and keep their buffer alive. Cannot fail. One connection owns a writer and
// uses it on one core; after take() it goes on with what is left of its block, shrink() gives that
// back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/methods.h"

namespace millrace::amqp {

class FrameWriter {
 public:
  // From this size on (of a body frame) bytes are referenced: below it copying is cheaper.
  static constexpr std::size_t kReferenceBytesMin = 4096;
  // Blocks double from the first to the last size while they fill.
  static constexpr std::size_t kBlockBytesFirst = 1024;
  static constexpr std::size_t kBlockBytesMax = 65'536;

  template <class Kind>
  void method(std::uint16_t channel, const Kind& method);

  // A method that carries a content, its header, and its body in as many frames as
  // `frame_bytes_max` (the negotiated one, 0 when there is no limit) asks for. The header cannot be
  // split: properties that were received under a larger frame-max go out in one frame all the same.
  template <class Kind>
  void content(std::uint16_t channel, const Kind& method, ByteView properties, const Bytes& body,
               std::size_t frame_bytes_max);

  void heartbeat();
  // The answer to a greeting that is not ours.
  void greeting();

  // Not taken yet.
  std::size_t size() const { return chain_.size() + static_cast<std::size_t>(cursor_ - start_); }
  bool empty() const { return size() == 0; }
  ByteChain take();
  // Gives the block back; for a connection that has nothing to send. Everything must be taken.
  void shrink();

 private:
  static constexpr std::size_t kHeaderFrameBytes = kFrameOverheadBytes + kContentHeaderBytes;

  template <class Kind>
  static std::uint8_t* store_method_frame(std::uint8_t* to, std::uint16_t channel,
                                          const Kind& method, std::size_t payload_bytes) {
    to = store_frame_header(to, FrameType::method, channel, payload_bytes);
    to = store_method(to, method);
    *to++ = kFrameEnd;
    return to;
  }
  static std::uint8_t* store_header_frame(std::uint8_t* to, std::uint16_t channel,
                                          ByteView properties, std::size_t body_bytes);
  static std::uint8_t* store_body_frame(std::uint8_t* to, std::uint16_t channel, ByteView body);

  std::uint8_t* space(std::size_t size) {
    if (static_cast<std::size_t>(limit_ - cursor_) < size) [[unlikely]]
      grow(size);
    return cursor_;
  }
  void grow(std::size_t size);
  void seal();
  void body_frames(std::uint16_t channel, const Bytes& body, std::size_t payload_bytes_max);

  ByteChain chain_;
  BufferRef block_;
  std::uint8_t* start_ = nullptr;  // of what is in the block but not in the chain
  std::uint8_t* cursor_ = nullptr;
  std::uint8_t* limit_ = nullptr;
  std::size_t next_block_bytes_ = kBlockBytesFirst;
};

template <class Kind>
void FrameWriter::method(std::uint16_t channel, const Kind& method) {
  const std::size_t payload_bytes = method_bytes(method);
  std::uint8_t* to = space(payload_bytes + kFrameOverheadBytes);
  cursor_ = store_method_frame(to, channel, method, payload_bytes);
}

template <class Kind>
void FrameWriter::content(std::uint16_t channel, const Kind& method, ByteView properties,
                          const Bytes& body, std::size_t frame_bytes_max) {
  static_assert(carries_content(Kind::kId));
  const std::size_t payload_bytes_max =
      (frame_bytes_max == 0 ? UINT32_MAX : frame_bytes_max) - kFrameOverheadBytes;
  const std::size_t payload_bytes = method_bytes(method);
  const bool with_body = body.size() < kReferenceBytesMin && body.size() <= payload_bytes_max;
  std::uint8_t* to = space(payload_bytes + kFrameOverheadBytes + kHeaderFrameBytes +
                           properties.size() + (with_body ? kFrameOverheadBytes + body.size() : 0));
  to = store_method_frame(to, channel, method, payload_bytes);
  to = store_header_frame(to, channel, properties, body.size());
  if (with_body && !body.empty()) to = store_body_frame(to, channel, body.view());
  cursor_ = to;
  if (!with_body) body_frames(channel, body, payload_bytes_max);
}

}  // namespace millrace::amqp
