// What a connection of AMQP 0-9-1 may use. Each has a name and a unit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/core.h"

namespace millrace::amqp {

struct AmqpLimits {
  std::uint16_t channels_max = 2047;         // of a connection
  std::uint32_t frame_bytes_max = 131'072;   // offered in connection.tune
  std::chrono::seconds heartbeat{60};        // offered; the client's answer counts
  std::size_t message_bytes_max = 16 << 20;  // of a body
  Duration handshake_max = std::chrono::seconds(10);
  // Before a refused login is told so: guessing is slow.
  Duration login_delay = std::chrono::seconds(1);
  // For the disk to take a message; then it is refused (nack).
  Duration publish_timeout = std::chrono::seconds(30);
  // How often a connection that is blocked by a full disk looks whether there is room again.
  Duration blocked_look = std::chrono::milliseconds(100);
  std::size_t connections_max = 20'000;  // of a core; further ones are closed at once
  std::size_t read_bytes = 64 << 10;     // space offered to one read
  // A connection that has read so much lets the others of its core go first.
  std::size_t turn_bytes_max = 256 << 10;
  // Written and not taken by the client: above it nothing is delivered or read.
  std::size_t outbox_bytes_max = 1 << 20;
  // Published and not durable yet: above it nothing is read of the connection.
  std::size_t publishing_bytes_max = 32 << 20;
  // Contents that have begun and what transactions hold, of all channels of a connection. A channel
  // that asks for more is closed.
  std::size_t contents_bytes_max = 64 << 20;
  // Deliveries on their way to a consumer that may have any number.
  std::int64_t deliveries_ahead = 1000;
  // Their bytes: outbox_bytes_max for all consumers of a connection, but each has so many.
  std::int64_t ahead_bytes_min = 16 << 10;
  // While memory is short: who holds some and moves less than progress_bytes and no whole frame for
  // this long is let go.
  Duration stalled_max = std::chrono::seconds(5);
  std::size_t progress_bytes = 64 << 10;
};

}  // namespace millrace::amqp
