// The payload of a content header frame: which class, how long the body is, and the properties as
// they came.
//
//   Result<ContentHeader> header = decode_content_header(frame.payload);
//   Result<PropertiesView> properties = parse_properties(header->properties);
//
// Body frames follow until `body_bytes` have come; none follows when it is 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace millrace::amqp {

inline constexpr std::uint16_t kBasicClass = 60;

struct ContentHeader {
  std::uint16_t class_id = kBasicClass;
  std::uint64_t body_bytes = 0;
  ByteView properties;  // flags and list, not looked at yet
};

// Class, weight and length, in front of the properties.
inline constexpr std::size_t kContentHeaderBytes = 12;

// Errors: invalid_request (502) for a payload that is too short or a weight other than 0.
Result<ContentHeader> decode_content_header(ByteView payload);

// What stands before the properties; returns where they begin.
std::uint8_t* store_content_header(std::uint8_t* to, std::uint64_t body_bytes);

}  // namespace millrace::amqp
