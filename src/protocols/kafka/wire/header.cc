#include "protocols/kafka/wire/header.h"

namespace millrace::kafka {
namespace {
std::unexpected<Error> refusal(const Reader& in, const char* what) {
  return fail(ErrorCode::invalid_request, std::string(what) + ": " + in.failure());
}
}  // namespace

Result<RequestHeader> decode_request_header(Reader& in) {
  const auto read = [&in](RequestHeader& out) {
    if (!in.number(out.key)) return in.refuse("api_key");
    if (!in.number(out.version)) return in.refuse("api_version");
    if (!in.number(out.correlation_id)) return in.refuse("correlation_id");
    out.api = find_api(out.key);
    if (!out.api) return true;
    // The name has a 2-byte length even in the flexible header.
    if (!in.string(out.client_id, false, true)) return in.refuse("client_id");
    return request_header_version(out.version, out.api->flexible_from) < 2 ||
           in.skip_tagged_fields();
  };
  RequestHeader header;
  if (!read(header)) return refusal(in, "request header");
  return header;
}

Result<ResponseHeader> decode_response_header(Reader& in, std::int16_t header_version) {
  ResponseHeader header;
  if (!in.number(header.correlation_id)) {
    in.refuse("correlation_id");
    return refusal(in, "response header");
  }
  if (header_version == 1 && !in.skip_tagged_fields()) return refusal(in, "response header");
  return header;
}

void encode_header(Writer& out, const RequestHeader& header, std::int16_t header_version) {
  out.number(header.key);
  out.number(header.version);
  out.number(header.correlation_id);
  out.string(header.client_id, false, true);
  if (header_version == 2) out.unsigned_varint(0);
}

void encode_header(Writer& out, const ResponseHeader& header, std::int16_t header_version) {
  out.number(header.correlation_id);
  if (header_version == 1) out.unsigned_varint(0);
}

}  // namespace millrace::kafka
