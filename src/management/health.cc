// Health checks: 200 and "ok", or 503 with what is the matter.
#include <charconv>

#include "management/handlers.h"

namespace millrace::management {
namespace {

HttpAnswer failed(Json facts) {
  Json out{{"status", "failed"}};
  out.update(facts);
  return answer_json(out, 503);
}

std::string_view alarm_of(StoreHealth health) {
  switch (health) {
    case StoreHealth::good:
      break;
    case StoreHealth::journal_stalled:
      return "the journal is full until a checkpoint has written it to segments";
    case StoreHealth::disk_full:
      return "the disk of the data directory is full";
    case StoreHealth::disk_failing:
      return "the disk of the data directory fails, see the log";
  }
  return {};
}

}  // namespace

Task<HttpAnswer> check_alarms(Api& api, HttpRequest) {
  const std::string_view alarm = alarm_of(api.broker().store().health());
  if (alarm.empty()) co_return answer_json({{"status", "ok"}});
  Json alarms = Json::array();
  alarms.push_back({{"node", api.facts().node}, {"resource", "disk"}});
  co_return failed({{"reason", alarm}, {"alarms", std::move(alarms)}});
}

Task<HttpAnswer> check_good(Api&, HttpRequest) { co_return answer_json({{"status", "ok"}}); }

// They are all up, or the broker is not.
Task<HttpAnswer> check_virtual_hosts(Api&, HttpRequest) {
  co_return answer_json({{"status", "ok"}});
}

Task<HttpAnswer> check_port_listener(Api& api, HttpRequest request) {
  const std::string& text = request.parameter("port");
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) {
    co_return refuse(400, "a number of a port is needed");
  }
  Json ports = Json::array();
  for (const ListenerFacts& listener : api.facts().listeners) {
    if (listener.port == port) co_return answer_json({{"status", "ok"}, {"port", port}});
    ports.push_back(listener.port);
  }
  co_return failed(
      {{"reason", "No active listener"}, {"missing", port}, {"ports", std::move(ports)}});
}

Task<HttpAnswer> check_protocol_listener(Api& api, HttpRequest request) {
  std::string protocol = request.parameter("protocol");
  if (protocol == "amqp091" || protocol == "amqp0.9.1" || protocol == "amqp") protocol = "amqp";
  Json protocols = Json::array();
  for (const ListenerFacts& listener : api.facts().listeners) {
    if (listener.protocol == protocol) {
      co_return answer_json({{"status", "ok"}, {"protocol", protocol}});
    }
    protocols.push_back(listener.protocol);
  }
  co_return failed({{"reason", "No active listener"},
                    {"missing", protocol},
                    {"protocols", std::move(protocols)}});
}

}  // namespace millrace::management
