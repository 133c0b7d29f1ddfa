#include "protocols/amqp/server.h"

#include <fmt/format.h>

#include <iterator>

#include "base/log.h"
#include "protocols/amqp/wire/field_table.h"

namespace millrace::amqp {
namespace {

// Connections looked at before a core does something else again.
constexpr std::size_t kInOneTurn = 256;

PropertyFacts read_properties(ByteView raw) {
  PropertyFacts facts;
  auto properties = parse_properties(raw);
  if (!properties) return facts;
  if (auto expiration = properties->expiration()) facts.expiration = std::string(*expiration);
  auto headers = properties->headers();
  if (!headers) return facts;
  auto table = decode_table(*headers);
  if (table) facts.headers = std::move(*table);
  return facts;
}

}  // namespace

AmqpServer::AmqpServer(Runtime& runtime, Broker& broker, AmqpLimits limits)
    : runtime_(runtime), broker_(broker), limits_(limits), cores_(runtime.core_count()) {
  broker.relief().add(limits.stalled_max, [this](CoreId id) {
    const auto& connections = cores_[id.value()].connections;
    return std::vector<std::shared_ptr<MemoryHolder>>(connections.begin(), connections.end());
  });
}

Result<void> AmqpServer::listen(const std::string& host, std::uint16_t port) {
  auto listener = runtime_.listen(host, port);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  const bool is_v6 = host.find(':') != std::string::npos;
  address_ = fmt::format("{}:{}", is_v6 ? '[' + host + ']' : host, listener_->port());
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    BrokerCore* core = &broker_.core(CoreId(id));
    core->core().post([core] { core->queues().set_read_properties(read_properties); });
  }
  listener_->on_accept(
      [this](std::unique_ptr<PendingSocket> pending) { accept(std::move(pending)); });
  return {};
}

void AmqpServer::accept(std::unique_ptr<PendingSocket> pending) {
  CoreId id(static_cast<std::uint32_t>(next_core_++ % cores_.size()));
  Core& core = runtime_.core(id);
  core.post([this, id, &core, pending = std::move(pending)] {
    PerCore& here = cores_[id.value()];
    auto connection = std::make_shared<Connection>(pending->open_on(core), broker_.core(id),
                                                   here.stats, reply_consumers_, limits_);
    if (here.closing) return connection->close();
    if (here.connections.size() >= limits_.connections_max) {
      here.stats.refused.add();
      log_warning("amqp", "refused a connection: core {} has {} already", id.value(),
                  here.connections.size());
      return connection->close();
    }
    here.stats.accepted.add();
    here.stats.open.add();
    here.connections.insert(connection);
    core.spawn("amqp connection", run(&here, std::move(connection)));
  });
}

Task<void> AmqpServer::run(PerCore* here, std::shared_ptr<Connection> connection) {
  co_await Connection::serve(connection);
  here->connections.erase(connection);
  here->stats.open.subtract();
}

void AmqpServer::stop_listening() {
  if (listener_) listener_->close();
}

Task<void> AmqpServer::close_connections() {
  Core& home = runtime_.core(CoreId(0));
  broker_.relief().stop();
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    PerCore* target = &cores_[id];
    co_await call_on(home, runtime_.core(CoreId(id)), [target] {
      target->closing = true;
      for (const auto& connection : target->connections) {
        connection->end(ReplyCode::connection_forced, "broker forced connection closure: it stops");
      }
      return true;
    });
  }
}

ConnectionFacts AmqpServer::facts_of(const Connection& connection) const {
  ConnectionFacts facts = connection.facts();
  facts.name = facts.peer + " -> " + address_;
  return facts;
}

Task<std::vector<ConnectionFacts>> AmqpServer::connections() {
  Core& home = runtime_.core(CoreId(0));
  std::vector<ConnectionFacts> all;
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    Core& core = runtime_.core(CoreId(id));
    auto some = co_await start_on(home, core, connections_on(&cores_[id], &core));
    std::ranges::move(some, std::back_inserter(all));
  }
  co_return all;
}

Task<std::vector<ConnectionFacts>> AmqpServer::connections_on(PerCore* here, Core* core) {
  std::vector<std::shared_ptr<Connection>> open(here->connections.begin(), here->connections.end());
  std::vector<ConnectionFacts> facts;
  for (const auto& connection : open) {
    facts.push_back(facts_of(*connection));
    if (facts.size() % kInOneTurn == 0) co_await Yield{*core};
  }
  co_return facts;
}

Task<std::size_t> AmqpServer::close_connections(Which which, std::string reason) {
  Core& home = runtime_.core(CoreId(0));
  std::size_t closed = 0;
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    closed +=
        co_await start_on(home, runtime_.core(CoreId(id)), close_on(&cores_[id], which, reason));
  }
  co_return closed;
}

Task<std::size_t> AmqpServer::close_on(PerCore* here, Which which, std::string reason) {
  std::size_t closed = 0;
  for (const auto& connection : here->connections) {
    if (!which(facts_of(*connection))) continue;
    connection->end(ReplyCode::connection_forced, reason);
    ++closed;
  }
  co_return closed;
}

}  // namespace millrace::amqp
