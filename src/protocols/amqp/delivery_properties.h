// The properties of a message as they go out: as they were published, but for what the broker has
// to say of its deaths and deliveries.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/queue.h"

namespace millrace::amqp {

// Flags and list. In `space` when they are other ones than those published.
ByteView delivery_properties(const Delivery& delivery, const QueueInfo& queue,
                             std::vector<std::uint8_t>& space);

}  // namespace millrace::amqp
