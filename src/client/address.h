// ServerAddress: where a broker listens, as people write it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace millrace::client {

inline constexpr std::uint16_t kDefaultPort = 9092;

struct ServerAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = kDefaultPort;

  // "host:9092", "[::1]:9092".
  std::string text() const;
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

// "HOST:PORT", "HOST" (with the port given), "[V6]:PORT". Error::invalid_config says what was
// wrong.
Result<ServerAddress> parse_server(const std::string& text,
                                   std::uint16_t default_port = kDefaultPort);

}  // namespace millrace::client
