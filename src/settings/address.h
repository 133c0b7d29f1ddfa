// Address: HOST:PORT, as listeners and clients write it. Hosts are not looked up here.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace millrace {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string text() const;  // IPv6 in brackets
};

// "127.0.0.1:9092", "[::1]:9092", "localhost:0". Error::invalid_config otherwise.
Result<Address> parse_address(const std::string& text);

// Whether a listener at this host takes connections to every address of the machine.
bool is_wildcard(const std::string& host);

}  // namespace millrace
