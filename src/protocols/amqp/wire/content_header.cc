#include "protocols/amqp/wire/content_header.h"

#include "protocols/amqp/wire/big_endian.h"

namespace millrace::amqp {

Result<ContentHeader> decode_content_header(ByteView payload) {
  if (payload.size() < kContentHeaderBytes) [[unlikely]]
    return fail(ErrorCode::invalid_request, "a content header is shorter than 12 bytes");
  if (load_number<std::uint16_t>(payload.data() + 2) != 0) [[unlikely]]
    return fail(ErrorCode::invalid_request, "a content header has a weight, expected 0");
  return ContentHeader{.class_id = load_number<std::uint16_t>(payload.data()),
                       .body_bytes = load_number<std::uint64_t>(payload.data() + 4),
                       .properties = payload.subspan(kContentHeaderBytes)};
}

std::uint8_t* store_content_header(std::uint8_t* to, std::uint64_t body_bytes) {
  to = store_number(to, kBasicClass);
  to = store_number(to, std::uint16_t{0});
  return store_number(to, body_bytes);
}

}  // namespace millrace::amqp
