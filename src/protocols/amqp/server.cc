#include "protocols/amqp/server.h"

#include "base/log.h"
#include "protocols/amqp/wire/field_table.h"

namespace millrace::amqp {
namespace {

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

}  // namespace millrace::amqp
