#include "settings/address.h"

#include <fmt/format.h>

#include <charconv>

namespace millrace {

std::string Address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Address> parse_address(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return fail(ErrorCode::invalid_config, "an address is HOST:PORT, as in 127.0.0.1:9092");
  }
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find_first_of("[]:") != std::string::npos) {
    return fail(ErrorCode::invalid_config, "an IPv6 address stands in brackets, as in [::1]:9092");
  }
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(begin, end, address.port);
  if (begin == end || error != std::errc{} || stop != end) {
    return fail(ErrorCode::invalid_config, "a port is a number from 0 (take a free one) to 65535");
  }
  return address;
}

// 0.0.0.0, ::, and their other spellings.
bool is_wildcard(const std::string& host) {
  return host.find_first_not_of("0:.") == std::string::npos;
}

}  // namespace millrace
