// What `millrace serve` runs with: the settings, as the options of the parts they are for.
#pragma once

#include <optional>
#include <string>

#include "admin/http_server.h"
#include "base/log.h"
#include "broker/broker.h"
#include "protocols/amqp/limits.h"
#include "protocols/kafka/session.h"
#include "settings/address.h"
#include "settings/memory_parts.h"
#include "settings/settings.h"
#include "storage/limits.h"

namespace millrace {

struct ServeOptions {
  std::string data_dir;
  std::optional<Address> kafka;  // nothing: off
  std::optional<Address> amqp;   // nothing: off
  amqp::AmqpLimits amqp_limits;
  std::optional<Address> management;  // nothing: off
  HttpLimits management_limits;
  std::optional<Address> http;       // nothing: off
  std::optional<Address> advertise;  // what Metadata returns; nothing: the bound address
  std::size_t cores = 1;
  bool json = false;
  LogLevel log_level = LogLevel::info;
  std::optional<LogFormat> log_format;  // nothing: by where standard error goes
  StorageLimits storage;
  BrokerLimits broker;
  kafka::SessionLimits sessions;
  MemoryParts memory;
  HttpLimits http_limits;
  std::uint64_t restarts = 0;  // not a setting: in this process, after failed flushes
};

// `settings` hold together (settings/rules.h).
ServeOptions serve_options(const Settings& settings);

}  // namespace millrace
