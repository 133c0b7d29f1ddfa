// Messages from bytes and to bytes. Include it with the generated header of the API at hand:
//
//   #include "protocols/kafka/wire/codec.h"
//   #include "protocols/kafka/wire/gen/heartbeat.h"
//
//   Reader in(frame);
//   Result<RequestHeader> header = decode_request_header(in);
//   Result<HeartbeatRequest> request = decode<HeartbeatRequest>(in, header->version);
//   HeartbeatResponse response{.error_code = 0};
//   ByteChain answer = encode_response(header->correlation_id, response, header->version);
//
// Versions: those of the message's kVersions. Fields that a version lacks keep their defaults on
// decode and are left out on encode.
#pragma once

#include "base/assert.h"
#include "base/error.h"
#include "protocols/kafka/wire/header.h"

namespace millrace::kafka {

std::unexpected<Error> refuse_message(std::string_view name, std::int16_t version,
                                      const Reader& in);
std::unexpected<Error> refuse_version(std::string_view name, std::int16_t version,
                                      VersionRange versions);

// Bytes after the message are left in the reader; Kafka's broker does not mind them either.
// Errors: invalid_request with the field's path, unsupported_version.
template <class Message>
Result<Message> decode(Reader& in, std::int16_t version) {
  if (!Message::kVersions.contains(version))
    return refuse_version(Message::kName, version, Message::kVersions);
  Result<Message> message(std::in_place);
  if (!read_fields(in, version, *message)) return refuse_message(Message::kName, version, in);
  return message;
}

template <class Message>
Result<Message> decode(Bytes body, std::int16_t version) {
  Reader in(std::move(body));
  return decode<Message>(in, version);
}

// The body alone.
template <class Message>
ByteChain encode(const Message& message, std::int16_t version) {
  ASSERT(Message::kVersions.contains(version));
  Writer out;
  write_fields(out, version, message);
  return out.finish();
}

// A whole frame: length, header and body.
template <class Message>
ByteChain encode_response(std::int32_t correlation_id, const Message& message,
                          std::int16_t version) {
  ASSERT(Message::kVersions.contains(version));
  Writer out;
  out.reserve_frame_length();
  encode_header(out, ResponseHeader{correlation_id},
                response_header_version(Message::kKey, version, Message::kFlexibleFrom));
  write_fields(out, version, message);
  return out.finish();
}

// A whole frame; the version is the message's, the key is taken from its type.
template <class Message>
ByteChain encode_request(std::int32_t correlation_id, std::optional<std::string> client_id,
                         const Message& message, std::int16_t version) {
  ASSERT(Message::kVersions.contains(version));
  Writer out;
  out.reserve_frame_length();
  const RequestHeader header{.key = Message::kKey,
                             .version = version,
                             .correlation_id = correlation_id,
                             .client_id = std::move(client_id)};
  encode_header(out, header, request_header_version(version, Message::kFlexibleFrom));
  write_fields(out, version, message);
  return out.finish();
}

}  // namespace millrace::kafka
