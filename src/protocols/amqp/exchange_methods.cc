// Connections: exchanges and what is bound to them.
#include <fmt/format.h>

#include "protocols/amqp/connection.h"

namespace millrace::amqp {

Task<std::expected<void, Connection::Failure>> Connection::change(
    CatalogMachine::TopologyCommand command) {
  auto reply = co_await queues().change(std::move(command));
  if (reply.error) co_return failure(*reply.error);
  co_return Done{};
}

Connection::Handled Connection::declare(Channel& channel, ExchangeDeclare method) {
  const std::uint16_t number = channel.number;
  if (method.passive) {
    if (!queues().find_exchange(tenant_, method.exchange)) {
      co_return failure(ReplyCode::not_found, "no " + where("exchange", method.exchange));
    }
  } else {
    if (method.exchange.empty()) {
      co_return failure(ReplyCode::access_refused,
                        "operation not permitted on the default exchange");
    }
    auto done = co_await change(DeclareExchange{
        .tenant = tenant_,
        .name = std::string(method.exchange),
        .type = std::string(method.type),
        .durable = method.durable,
        .auto_delete = method.auto_delete,
        .internal = method.internal,
        .arguments = std::move(method.arguments),
    });
    if (!done) co_return done;
  }
  if (!method.no_wait) out_.method(number, ExchangeDeclareOk{});
  co_return Done{};
}

Connection::Handled Connection::remove(Channel& channel, ExchangeDelete method) {
  const std::uint16_t number = channel.number;
  auto done = co_await change(DeleteExchange{
      .tenant = tenant_, .name = std::string(method.exchange), .if_unused = method.if_unused});
  if (!done) co_return done;
  if (!method.no_wait) out_.method(number, ExchangeDeleteOk{});
  co_return Done{};
}

Connection::Handled Connection::bind(Channel& channel, ExchangeBind method) {
  const std::uint16_t number = channel.number;
  auto done = co_await change(ChangeBinding{
      .tenant = tenant_,
      .source = std::string(method.source),
      .destination = std::string(method.destination),
      .to_queue = false,
      .key = std::string(method.routing_key),
      .arguments = std::move(method.arguments),
  });
  if (!done) co_return done;
  if (!method.no_wait) out_.method(number, ExchangeBindOk{});
  co_return Done{};
}

Connection::Handled Connection::unbind(Channel& channel, ExchangeUnbind method) {
  const std::uint16_t number = channel.number;
  auto done = co_await change(ChangeBinding{
      .tenant = tenant_,
      .source = std::string(method.source),
      .destination = std::string(method.destination),
      .to_queue = false,
      .key = std::string(method.routing_key),
      .arguments = std::move(method.arguments),
      .remove = true,
  });
  // What is not there can't be bound.
  if (!done && done.error().code != ReplyCode::not_found) co_return done;
  if (!method.no_wait) out_.method(number, ExchangeUnbindOk{});
  co_return Done{};
}

}  // namespace millrace::amqp
