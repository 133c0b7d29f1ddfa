// What stands before every request and every response.
//
// A request begins with its API's key and version, the number by which the client knows the answer
// again, and the client's name for itself; a response only with the number. The flexible versions
// of an API add tagged fields to both, with one exception: the response header of ApiVersions never
// has them, so that a client can read it before it knows anything of the broker.
// https://kafka.apache.org/protocol, "Request and Response Headers".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "protocols/kafka/wire/apis.h"
#include "protocols/kafka/wire/reader.h"
#include "protocols/kafka/wire/writer.h"

namespace millrace::kafka {

// Stands before each header: the number of bytes that follow, big endian.
inline constexpr std::size_t kFrameLengthBytes = 4;
// Key, version and correlation id: fewer bytes than this are no request.
inline constexpr std::size_t kRequestHeaderBytesMin = 8;

struct RequestHeader {
  std::int16_t key = 0;
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;
  // Null for an API that schema/ does not have; client_id is then not read.
  const ApiInfo* api = nullptr;

  friend bool operator==(const RequestHeader&, const RequestHeader&) = default;
};

struct ResponseHeader {
  std::int32_t correlation_id = 0;

  friend bool operator==(const ResponseHeader&, const ResponseHeader&) = default;
};

// 1, or 2 in the flexible versions.
constexpr std::int16_t request_header_version(std::int16_t version, std::int16_t flexible_from) {
  return version >= flexible_from ? 2 : 1;
}
// 0, or 1 in the flexible versions but for ApiVersions.
constexpr std::int16_t response_header_version(std::int16_t key, std::int16_t version,
                                               std::int16_t flexible_from) {
  const bool always_plain = key == static_cast<std::int16_t>(ApiKey::api_versions);
  return version >= flexible_from && !always_plain ? 1 : 0;
}

// Any key and version is read: what to answer to one that is not served is the session's affair.
// Errors: invalid_request.
Result<RequestHeader> decode_request_header(Reader& in);
Result<ResponseHeader> decode_response_header(Reader& in, std::int16_t header_version);

void encode_header(Writer& out, const RequestHeader& header, std::int16_t header_version);
void encode_header(Writer& out, const ResponseHeader& header, std::int16_t header_version);

}  // namespace millrace::kafka
