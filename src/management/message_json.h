// A message's properties and payload as JSON, and back.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "broker/queue.h"
#include "management/json.h"

namespace millrace::management {

// {"delivery_mode":2,"headers":{...}} of flags and list.
Json properties_json(ByteView raw);

// What the broker needs of published properties.
struct PublishedProperties {
  std::vector<std::uint8_t> raw;
  ValueTable headers;
  std::vector<std::string> more_keys;      // of the headers CC and BCC
  std::optional<std::int64_t> expires_ms;  // from now
};
// invalid_request names the property.
Result<PublishedProperties> published_properties(const Json& json);

enum class Encoding { automatic, base64 };
struct Shown {
  Encoding encoding = Encoding::automatic;
  std::optional<std::size_t> bytes_max;  // of a payload
};
// As basic.get would give it; message_count is for the caller to set.
Json message_json(const Delivery& delivery, const QueueInfo& queue, const Shown& shown);

}  // namespace millrace::management
