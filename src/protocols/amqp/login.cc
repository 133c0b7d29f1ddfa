// Connections: from the greeting to connection.open.
#include "broker/login.h"

#include <fmt/format.h>

#include "base/log.h"
#include "protocols/amqp/connection.h"
#include "protocols/amqp/wire/field_table.h"

namespace millrace::amqp {
namespace {

struct Credentials {
  std::string user;
  std::string password;
};

std::optional<Credentials> read_plain(std::string_view response) {
  auto first = response.find('\0');
  if (first == std::string_view::npos) return std::nullopt;
  auto second = response.find('\0', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Credentials{std::string(response.substr(first + 1, second - first - 1)),
                     std::string(response.substr(second + 1))};
}

std::optional<Credentials> read_amqplain(std::string_view response) {
  auto table = decode_table(as_bytes(response));
  if (!table) return std::nullopt;
  const Value* user = table->find("LOGIN");
  const Value* password = table->find("PASSWORD");
  if (!user || !password || !user->as_text() || !password->as_text()) return std::nullopt;
  return Credentials{*user->as_text(), *password->as_text()};
}

bool has_capability(const ValueTable& client_properties, std::string_view name) {
  const Value* capabilities = client_properties.find("capabilities");
  const ValueTable* table = capabilities ? capabilities->as_table() : nullptr;
  const Value* flag = table ? table->find(name) : nullptr;
  return flag && flag->as_bool().value_or(false);
}

std::string text_of(const ValueTable& table, std::string_view key) {
  const Value* value = table.find(key);
  return value && value->as_text() ? *value->as_text() : "";
}

}  // namespace

void Connection::send_start() {
  ValueTable capabilities;
  for (const char* name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack",
                           "consumer_cancel_notify", "connection.blocked", "consumer_priorities",
                           "authentication_failure_close", "per_consumer_qos", "direct_reply_to"}) {
    capabilities.set(name, Value(true));
  }
  ValueTable properties{
      {"capabilities", Value(std::move(capabilities))},
      {"cluster_name", Value("millrace")},
      {"copyright", Value("")},
      {"information", Value("Millrace, as RabbitMQ " + std::string(kFollowedVersion))},
      {"platform", Value("C++")},
      {"product", Value("Millrace")},
      {"version", Value(kFollowedVersion)},
  };
  out_.method(0, ConnectionStart{.version_major = 0,
                                 .version_minor = 9,
                                 .server_properties = std::move(properties),
                                 .mechanisms = {"PLAIN AMQPLAIN"},
                                 .locales = {"en_US"}});
}

Task<Connection::Done> Connection::start_ok(ConnectionStartOk method) {
  closes_politely_ = has_capability(method.client_properties, "authentication_failure_close");
  takes_cancels_ = has_capability(method.client_properties, "consumer_cancel_notify");
  takes_blocked_ = has_capability(method.client_properties, "connection.blocked");
  client_name_ = text_of(method.client_properties, "connection_name");
  client_product_ = text_of(method.client_properties, "product");
  std::string_view response = method.response.text;
  std::optional<Credentials> credentials;
  if (method.mechanism == "PLAIN") {
    credentials = read_plain(response);
  } else if (method.mechanism == "AMQPLAIN") {
    credentials = read_amqplain(response);
  } else {
    co_return failure(ReplyCode::access_refused,
                      fmt::format("the login mechanism '{}' is not there: PLAIN and AMQPLAIN are",
                                  method.mechanism));
  }
  const std::string mechanism(method.mechanism);
  const Login login = credentials
                          ? check_login(credentials->user, credentials->password, socket_->peer())
                          : Login::unknown;
  if (login == Login::not_from_here) {
    co_await sleep_for(broker_.core(), limits_.login_delay);
    co_return failure(ReplyCode::access_refused,
                      fmt::format("user '{}' can only connect via localhost", credentials->user));
  }
  if (login == Login::unknown) {
    co_await sleep_for(broker_.core(), limits_.login_delay);
    co_return failure(ReplyCode::access_refused,
                      fmt::format("Login was refused using authentication mechanism {}. For "
                                  "details see the broker logfile.",
                                  mechanism));
  }
  user_ = credentials->user;
  phase_ = Phase::tune;
  out_.method(0, ConnectionTune{
                     .channel_max = limits_.channels_max,
                     .frame_bytes_max = limits_.frame_bytes_max,
                     .heartbeat_seconds = static_cast<std::uint16_t>(limits_.heartbeat.count())});
  co_return Done{};
}

// 0 is no limit: then ours counts.
Connection::Done Connection::tune_ok(const ConnectionTuneOk& method) {
  if (method.channel_max > limits_.channels_max) {
    return failure(ReplyCode::not_allowed,
                   fmt::format("negotiated channel_max = {} is higher than the maximum allowed "
                               "value ({})",
                               method.channel_max, limits_.channels_max));
  }
  if (method.frame_bytes_max > limits_.frame_bytes_max) {
    return failure(ReplyCode::not_allowed,
                   fmt::format("negotiated frame_max = {} is higher than the maximum allowed "
                               "value ({})",
                               method.frame_bytes_max, limits_.frame_bytes_max));
  }
  if (method.frame_bytes_max != 0 && method.frame_bytes_max < kFrameBytesMin) {
    return failure(ReplyCode::not_allowed,
                   fmt::format("negotiated frame_max = {} is lower than the minimum allowed "
                               "value ({})",
                               method.frame_bytes_max, kFrameBytesMin));
  }
  channels_max_ = method.channel_max ? method.channel_max : limits_.channels_max;
  frame_bytes_max_ = method.frame_bytes_max ? method.frame_bytes_max : limits_.frame_bytes_max;
  heartbeat_ = std::chrono::seconds(method.heartbeat_seconds);
  beat();
  phase_ = Phase::open;
  return {};
}

Connection::Done Connection::open(const ConnectionOpen& method) {
  if (!queues().has_tenant(method.virtual_host)) {
    return failure(ReplyCode::not_allowed,
                   fmt::format("access to vhost '{}' refused for user '{}': vhost '{}' not found",
                               method.virtual_host, user_, method.virtual_host));
  }
  tenant_ = method.virtual_host;
  phase_ = Phase::running;
  out_.method(0, ConnectionOpenOk{});
  return {};
}

}  // namespace millrace::amqp
