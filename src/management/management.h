// Management: the management API on a listener of its own.
//
//   Management management(runtime, broker, amqp, facts, limits);
//   management.listen("127.0.0.1", 15672);
//
// Who comes in: broker/login.h. On core 0; goes before the broker does.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "admin/http_server.h"
#include "management/api.h"

namespace millrace::management {

// Of requests: a definition of some ten thousand queues.
inline constexpr std::uint64_t kBodyBytesMax = 8 << 20;
inline constexpr std::uint64_t kHeldBytesMax = 24 << 20;

class Management {
 public:
  Management(Runtime& runtime, Broker& broker, amqp::AmqpServer* amqp, Facts facts,
             HttpLimits limits);

  Result<void> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const { return http_.port(); }
  void close() { http_.close(); }
  std::size_t connections() const { return http_.connections(); }

 private:
  Api api_;
  HttpServer http_;
};

}  // namespace millrace::management
