// Connections: queues.
#include <fmt/format.h>

#include <array>

#include "protocols/amqp/connection.h"

namespace millrace::amqp {
namespace {

constexpr std::size_t kGeneratedCharacters = 22;  // 128 bits and more

}  // namespace

std::string generated_name(Core& core, std::string_view prefix) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name(prefix);
  std::uint64_t random = 0;
  for (std::size_t i = 0; i < kGeneratedCharacters; ++i) {
    if (i % 10 == 0) random = core.random();
    name += kAlphabet[random & 63];
    random >>= 6;
  }
  return name;
}

namespace {

std::string without_line_ends(std::string_view name) {
  std::string clean;
  for (char c : name) {
    if (c != '\r' && c != '\n') clean += c;
  }
  return clean;
}

std::uint32_t count32(std::int64_t count) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, UINT32_MAX));
}

}  // namespace

// An empty name is the queue that was declared last on the channel.
std::expected<std::string, Connection::Failure> Connection::queue_name(const Channel& channel,
                                                                       std::string_view name) {
  if (!name.empty()) return std::string(name);
  if (!channel.current_queue.empty()) return channel.current_queue;
  return failure(ReplyCode::not_found, "no previously declared queue");
}

std::expected<std::shared_ptr<const QueueInfo>, Connection::Failure> Connection::find_queue(
    const Channel& channel, std::string_view name) {
  auto full = queue_name(channel, name);
  if (!full) return std::unexpected(full.error());
  auto queue = queues().find_queue(tenant_, *full);
  if (!queue) return failure(ReplyCode::not_found, "no " + where("queue", *full));
  if (auto mine = check_owner(*queue); !mine) return std::unexpected(mine.error());
  return queue;
}

Connection::Done Connection::check_owner(const QueueInfo& queue) const {
  if (!queue.exclusive || queue.owner == owner_) return {};
  return failure(ReplyCode::resource_locked,
                 "cannot obtain exclusive access to locked " + where("queue", queue.name) +
                     ". It could be originally declared on another connection or the exclusive "
                     "property value does not match that of the original declaration.");
}

Connection::Handled Connection::declare(Channel& channel, QueueDeclare method) {
  const std::uint16_t number = channel.number;
  const std::uint64_t generation = channel.generation;
  std::string name = without_line_ends(method.queue);
  co_await all_published();
  bool is_new = false;
  if (!method.passive) {
    bool is_generated = name.empty();
    if (is_generated) name = generated_name(broker_.core(), "amq.gen-");
    is_new = !queues().find_queue(tenant_, name);
    auto done = co_await change(DeclareQueue{
        .tenant = tenant_,
        .name = name,
        .durable = method.durable,
        .exclusive = method.exclusive,
        .auto_delete = method.auto_delete,
        .owner = owner_,
        .arguments = std::move(method.arguments),
        .is_generated = is_generated,
    });
    if (!done) co_return done;
  } else if (name.empty()) {
    auto full = queue_name(channel, name);
    if (!full) co_return std::unexpected(full.error());
    name = *full;
  }
  if (method.passive && (name == kReplyTo || reply_consumers_.find(name))) {
    if (!method.no_wait) out_.method(number, QueueDeclareOk{.queue = name, .consumer_count = 1});
    co_return Done{};
  }
  auto queue = queues().find_queue(tenant_, name);
  if (!queue) co_return failure(ReplyCode::not_found, "no " + where("queue", name));
  if (auto mine = check_owner(*queue); !mine) co_return mine;
  if (is_new && queue->exclusive) exclusive_queues_.push_back(queue->id);
  QueueLength length;
  if (!is_new) {
    auto known = co_await queues().length(queue->id);
    if (known) length = *known;
  }
  Channel* still = find_channel(number);
  if (still && still->generation == generation) still->current_queue = name;
  if (!method.no_wait) {
    out_.method(number,
                QueueDeclareOk{.queue = name,
                               .message_count = count32(length.ready),
                               .consumer_count = static_cast<std::uint32_t>(length.consumers)});
  }
  co_return Done{};
}

Connection::Handled Connection::bind(Channel& channel, QueueBind method) {
  const std::uint16_t number = channel.number;
  auto name = queue_name(channel, method.queue);
  if (!name) co_return std::unexpected(name.error());
  std::string key(method.routing_key);
  // Both empty: the queue declared last, by its own name.
  if (method.queue.empty() && key.empty()) key = *name;
  auto done = co_await change(ChangeBinding{
      .tenant = tenant_,
      .source = std::string(method.exchange),
      .destination = *name,
      .key = std::move(key),
      .arguments = std::move(method.arguments),
      .owner = owner_,
  });
  if (!done) co_return done;
  if (!method.no_wait) out_.method(number, QueueBindOk{});
  co_return Done{};
}

Connection::Handled Connection::unbind(Channel& channel, QueueUnbind method) {
  const std::uint16_t number = channel.number;
  auto name = queue_name(channel, method.queue);
  if (!name) co_return std::unexpected(name.error());
  auto done = co_await change(ChangeBinding{
      .tenant = tenant_,
      .source = std::string(method.exchange),
      .destination = *name,
      .key = std::string(method.routing_key),
      .arguments = std::move(method.arguments),
      .owner = owner_,
      .remove = true,
  });
  if (!done && done.error().code != ReplyCode::not_found) co_return done;
  out_.method(number, QueueUnbindOk{});
  co_return Done{};
}

Connection::Handled Connection::purge(Channel& channel, QueuePurge method) {
  const std::uint16_t number = channel.number;
  auto queue = find_queue(channel, method.queue);
  if (!queue) co_return std::unexpected(queue.error());
  co_await all_published();
  auto purged = co_await queues().purge((*queue)->id);
  if (!purged) co_return failure(purged.error());
  if (!method.no_wait) out_.method(number, QueuePurgeOk{.message_count = count32(*purged)});
  co_return Done{};
}

Connection::Handled Connection::remove(Channel& channel, QueueDelete method) {
  const std::uint16_t number = channel.number;
  auto name = queue_name(channel, method.queue);
  if (!name) co_return std::unexpected(name.error());
  co_await all_published();
  std::uint32_t messages = 0;
  auto queue = queues().find_queue(tenant_, *name);
  if (queue) {
    if (auto mine = check_owner(*queue); !mine) co_return mine;
    auto length = co_await queues().length(queue->id);
    if (length) {
      messages = count32(length->ready);
      if (method.if_unused && length->consumers > 0) {
        co_return failure(ReplyCode::precondition_failed, where("queue", *name) + " in use");
      }
      if (method.if_empty && length->ready > 0) {
        co_return failure(ReplyCode::precondition_failed, where("queue", *name) + " is not empty");
      }
    }
    auto done = co_await change(DeleteQueue{.owner = owner_, .id = queue->id});
    if (!done) co_return done;
    std::erase(exclusive_queues_, queue->id);
  }
  if (!method.no_wait) out_.method(number, QueueDeleteOk{.message_count = messages});
  co_return Done{};
}

}  // namespace millrace::amqp
