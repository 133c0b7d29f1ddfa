#include "client/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace millrace::client {
namespace {

std::unexpected<Error> refuse(const std::string& text, std::string_view why) {
  return fail(ErrorCode::invalid_config,
              fmt::format("'{}' is no address of a broker: {}", text, why));
}

}  // namespace

std::string ServerAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<ServerAddress> parse_server(const std::string& text, std::uint16_t default_port) {
  ServerAddress address;
  address.port = default_port;
  const std::string_view all = text;
  std::string_view rest;
  if (all.starts_with('[')) {
    const auto close = all.find(']');
    if (close == std::string_view::npos) return refuse(text, "the bracket is not closed");
    address.host = all.substr(1, close - 1);
    rest = all.substr(close + 1);
  } else {
    if (std::ranges::count(all, ':') > 1)
      return refuse(text, "an IPv6 address stands in brackets, as in [::1]:9092");
    const auto colon = all.find(':');
    address.host = all.substr(0, colon);
    if (colon != std::string_view::npos) rest = all.substr(colon);
  }
  if (address.host.empty()) return refuse(text, "write HOST:PORT, as in 127.0.0.1:9092");
  if (rest.empty()) return address;
  const char* begin = rest.data() + 1;
  const char* end = rest.data() + rest.size();
  auto [stop, error] = std::from_chars(begin, end, address.port);
  if (rest.front() != ':' || error != std::errc{} || stop != end || address.port == 0)
    return refuse(text, "a port is a number from 1 to 65535, as in 127.0.0.1:9092");
  return address;
}

}  // namespace millrace::client
