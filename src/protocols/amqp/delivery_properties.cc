#include "protocols/amqp/delivery_properties.h"

#include "base/value_fields.h"
#include "protocols/amqp/wire/properties.h"

namespace millrace::amqp {

ByteView delivery_properties(const Delivery& delivery, const QueueInfo& queue,
                             std::vector<std::uint8_t>& space) {
  const MessageFields& fields = delivery.message->fields;
  ByteView raw = fields.properties.empty() ? ByteView(kNoProperties) : fields.properties;
  const bool counts = queue.config.type == QueueType::quorum && delivery.before.acquired > 0;
  if (fields.deaths.empty() && !counts) return raw;
  auto properties = decode_properties(raw);
  if (!properties) return raw;
  if (!properties->headers) properties->headers.emplace();
  if (!fields.deaths.empty()) {
    ValueTable deaths;
    if (read_value_table(fields.deaths, deaths)) {
      for (const auto& [key, value] : deaths.entries()) properties->headers->set(key, value);
    }
    properties->expiration.reset();
  }
  if (counts) {
    properties->headers->set("x-delivery-count", Value(std::int64_t{delivery.before.failed}));
    properties->headers->set("x-acquired-count", Value(std::int64_t{delivery.before.acquired}));
  }
  space = encode_properties(*properties);
  return space;
}

}  // namespace millrace::amqp
