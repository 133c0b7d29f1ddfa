// Bytes as they come from a peer: frames, methods, content headers with their properties. The first
// byte chooses what the rest is. Whatever is accepted must be writable and be read the same again.
//
//   scripts/test --only fuzz/amqp_frame
#include <algorithm>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/field_scanner.h"
#include "protocols/amqp/wire/field_table.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/methods.h"
#include "protocols/amqp/wire/properties.h"
#include "protocols/amqp/wire/writer.h"

using namespace millrace;
using namespace millrace::amqp;

namespace {

using Blob = std::vector<std::uint8_t>;

constexpr std::size_t kFrameMax = 4096;

template <class Kind>
Blob encode(const Kind& method) {
  Blob payload(method_bytes(method));
  ASSERT(store_method(payload.data(), method) == payload.data() + payload.size());
  return payload;
}

void check_method(ByteView payload) {
  const auto decoded = decode_method(payload);
  if (!decoded) {
    ASSERT(!decoded.error().message().empty());
    return;
  }
  std::visit(
      []<class Kind>(const Kind& method) {
        const Blob bytes = encode(method);
        const auto again = decode<Kind>(bytes);
        ASSERT(again);
        // Compared as bytes: a fraction that is not a number does not equal itself.
        ASSERT(encode(*again) == bytes);
      },
      *decoded);
}

// Decoding, checking and scanning agree about what a table is.
void check_table_content(ByteView content) {
  const auto table = decode_table(content);
  ASSERT(table.has_value() == check_table(content).has_value());
  if (!table) return;
  const Blob bytes = encode_table(*table);
  ASSERT(bytes.size() == content.size());
  const auto again = decode_table(bytes);
  ASSERT(again && encode_table(*again) == bytes);
  for (const auto& [key, value] : table->entries()) ASSERT(find_field(content, key));
}

void check_properties(ByteView raw) {
  const auto view = parse_properties(raw);
  const auto decoded = decode_properties(raw);
  ASSERT(view.has_value() == decoded.has_value());
  if (!view) return;
  ASSERT(scan_properties(raw));
  ASSERT(view->correlation_id() == decoded->correlation_id);
  ASSERT(view->reply_to() == decoded->reply_to);
  ASSERT(view->expiration() == decoded->expiration);
  ASSERT(view->message_id() == decoded->message_id);
  ASSERT(view->user_id() == decoded->user_id);
  ASSERT(view->delivery_mode() == decoded->delivery_mode);
  ASSERT(view->priority() == decoded->priority);
  ASSERT(view->timestamp() == decoded->timestamp);
  ASSERT(view->headers().has_value() == decoded->headers.has_value());
  if (view->headers()) check_table_content(*view->headers());
  const Blob bytes = encode_properties(*decoded);
  ASSERT(bytes.size() == raw.size());
  const auto again = decode_properties(bytes);
  ASSERT(again && encode_properties(*again) == bytes);
}

void check_header(ByteView payload) {
  const auto header = decode_content_header(payload);
  if (header) check_properties(header->properties);
}

void check_frames(ByteView bytes) {
  parse_greeting(bytes);
  while (true) {
    const auto frame = next_frame(bytes, kFrameMax);
    if (!frame || !*frame) return;
    const FrameView& view = **frame;
    ASSERT(view.bytes == view.payload.size() + kFrameOverheadBytes && view.bytes <= kFrameMax);
    if (view.type == FrameType::method) check_method(view.payload);
    if (view.type == FrameType::header) check_header(view.payload);
    bytes = bytes.subspan(view.bytes);
  }
}

// A deliver written with any properties, body and frame-max comes back as it was.
void check_writer(ByteView bytes) {
  if (bytes.size() < 3) return;
  const std::size_t frame_bytes_max = 64 + bytes[0] * 64U;
  const ByteView properties = bytes.subspan(3, std::min<std::size_t>(bytes[1], bytes.size() - 3));
  Blob body(bytes[2] * 40U, bytes.back());
  FrameWriter out;
  const BasicDeliver deliver{.consumer_tag = "c", .delivery_tag = 1, .routing_key = "q"};
  out.content(1, deliver, properties, Bytes::copy_of(body), frame_bytes_max);
  const Bytes written = out.take().flatten();
  ByteView left = written.view();
  std::size_t body_bytes = 0;
  for (int frames = 0; !left.empty(); ++frames) {
    // The header may be above frame-max.
    const auto frame = next_frame(left, frames == 1 ? SIZE_MAX : frame_bytes_max);
    ASSERT(frame && *frame);
    if (frames == 0) ASSERT(decode<BasicDeliver>((*frame)->payload).value() == deliver);
    if (frames == 1) ASSERT(decode_content_header((*frame)->payload)->body_bytes == body.size());
    if (frames > 1) {
      ASSERT(std::ranges::equal((*frame)->payload,
                                ByteView(body).subspan(body_bytes, (*frame)->payload.size())));
      body_bytes += (*frame)->payload.size();
    }
    left = left.subspan((*frame)->bytes);
  }
  ASSERT(body_bytes == body.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_frames(rest);
      break;
    case 1:
      check_method(rest);
      break;
    case 2:
      check_header(rest);
      break;
    case 3:
      check_table_content(rest);
      break;
    default:
      check_writer(rest);
  }
  return 0;
}
