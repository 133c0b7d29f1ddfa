// Connections of AMQP, their channels and consumers.
#include "management/handlers.h"
#include "management/list_query.h"

namespace millrace::management {
namespace {

using amqp::ChannelFacts;
using amqp::ConnectionFacts;

std::string channel_name(const ConnectionFacts& connection, const ChannelFacts& channel) {
  return connection.name + " (" + std::to_string(channel.number) + ")";
}

std::pair<std::string, std::int64_t> host_and_port(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return {address, 0};
  std::int64_t port = 0;
  for (const char c : address.substr(colon + 1)) port = port * 10 + (c - '0');
  return {address.substr(0, colon), port};
}

Json connection_json(const Api& api, const ConnectionFacts& connection) {
  const auto [peer_host, peer_port] = host_and_port(connection.peer);
  const auto arrow = connection.name.find(" -> ");
  const auto [host, port] = host_and_port(connection.name.substr(arrow + 4));
  Json out;
  out["name"] = connection.name;
  out["user_provided_name"] = connection.client;
  out["user"] = connection.user;
  out["vhost"] = connection.tenant;
  out["node"] = api.facts().node;
  out["protocol"] = "AMQP 0-9-1";
  out["type"] = "network";
  out["state"] = connection.is_open ? "running" : "starting";
  out["ssl"] = false;
  out["host"] = host;
  out["port"] = port;
  out["peer_host"] = peer_host;
  out["peer_port"] = peer_port;
  out["connected_at"] = connection.since.value();
  out["timeout"] = connection.heartbeat.count();
  out["frame_max"] = connection.frame_bytes_max;
  out["channel_max"] = connection.channels_max;
  out["channels"] = connection.channels.size();
  Json& client = out["client_properties"] = Json::object();
  if (!connection.client.empty()) client["connection_name"] = connection.client;
  if (!connection.product.empty()) client["product"] = connection.product;
  return out;
}

Json connection_details(const ConnectionFacts& connection) {
  const auto [host, port] = host_and_port(connection.peer);
  return {{"name", connection.name}, {"peer_host", host}, {"peer_port", port}};
}

Json channel_json(const Api& api, const ConnectionFacts& connection, const ChannelFacts& channel) {
  Json out;
  out["name"] = channel_name(connection, channel);
  out["number"] = channel.number;
  out["user"] = connection.user;
  out["vhost"] = connection.tenant;
  out["node"] = api.facts().node;
  out["state"] = "running";
  out["confirm"] = channel.confirms;
  out["transactional"] = channel.transactional;
  out["consumer_count"] = channel.consumers.size();
  out["messages_unacknowledged"] = channel.unacked;
  out["messages_unconfirmed"] = channel.unconfirmed;
  out["prefetch_count"] = channel.prefetch;
  out["global_prefetch_count"] = channel.prefetch_shared;
  out["connection_details"] = connection_details(connection);
  return out;
}

}  // namespace

Task<HttpAnswer> list_connections(Api& api, HttpRequest request) {
  const auto connections = co_await api.connections();
  const bool of_one = request.parameters.contains("vhost");
  Json rows = Json::array();
  for (const ConnectionFacts& connection : connections) {
    if (of_one && connection.tenant != request.parameter("vhost")) continue;
    rows.push_back(connection_json(api, connection));
  }
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> get_connection(Api& api, HttpRequest request) {
  const auto connections = co_await api.connections();
  for (const ConnectionFacts& connection : connections) {
    if (connection.name != request.parameter("name")) continue;
    co_return answer_object(connection_json(api, connection), request);
  }
  co_return refuse(404, "Not Found");
}

Task<HttpAnswer> delete_connection(Api& api, HttpRequest request) {
  if (!api.amqp()) co_return refuse(404, "Not Found");
  const std::string* given = request.header("X-Reason");
  const std::string reason = given && !given->empty() ? *given : "closed via management plugin";
  const std::string name = request.parameter("name");
  const std::size_t closed = co_await api.amqp()->close_connections(
      [name](const ConnectionFacts& connection) { return connection.name == name; }, reason);
  co_return closed > 0 ? no_content() : refuse(404, "Not Found");
}

Task<HttpAnswer> list_channels(Api& api, HttpRequest request) {
  const auto connections = co_await api.connections();
  const bool of_one = request.parameters.contains("name");
  bool found = !of_one;
  Json rows = Json::array();
  for (const ConnectionFacts& connection : connections) {
    if (of_one && connection.name != request.parameter("name")) continue;
    found = true;
    for (const ChannelFacts& channel : connection.channels) {
      rows.push_back(channel_json(api, connection, channel));
    }
  }
  co_return found ? answer_list(std::move(rows), request) : refuse(404, "Not Found");
}

Task<HttpAnswer> list_consumers(Api& api, HttpRequest request) {
  const auto connections = co_await api.connections();
  const bool of_one = request.parameters.contains("vhost");
  Json rows = Json::array();
  for (const ConnectionFacts& connection : connections) {
    if (of_one && connection.tenant != request.parameter("vhost")) continue;
    for (const ChannelFacts& channel : connection.channels) {
      for (const amqp::ConsumerFacts& consumer : channel.consumers) {
        Json out;
        out["consumer_tag"] = consumer.tag;
        out["queue"] = {{"name", consumer.queue}, {"vhost", connection.tenant}};
        out["ack_required"] = !consumer.no_ack;
        out["prefetch_count"] = consumer.prefetch;
        out["active"] = true;
        out["channel_details"] = {{"name", channel_name(connection, channel)},
                                  {"number", channel.number},
                                  {"connection_name", connection.name},
                                  {"node", api.facts().node},
                                  {"user", connection.user}};
        rows.push_back(std::move(out));
      }
    }
  }
  co_return answer_list(std::move(rows), request);
}

}  // namespace millrace::management
