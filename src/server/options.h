// The command line of `millrace serve`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"

namespace millrace {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string text() const;
};

struct ServeOptions {
  std::string data_dir = "./data";
  std::optional<Address> kafka;      // nothing: off
  std::optional<Address> http;       // nothing: off
  std::optional<Address> advertise;  // what Metadata returns; nothing: the bound address
  std::size_t cores = 1;
  std::int64_t group_initial_rebalance_delay_ms = 200;
  bool json = false;
  LogLevel log_level = LogLevel::info;
  bool is_restart = false;  // not an option: in this process, after a failed flush
};

// "HOST:PORT", with "[v6]:PORT" for IPv6.
Result<Address> parse_address(const std::string& text);

// Reads the command line. Gives the options of `serve`, or the process's exit code when there is
// nothing to serve
// (--help, --version, a mistake, which is printed).
struct Parsed {
  std::optional<ServeOptions> serve;
  int exit_code = 0;
};
Parsed parse_command_line(int argc, char** argv);

}  // namespace millrace
