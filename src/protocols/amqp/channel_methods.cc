// Connections: the methods of an open channel, each to its handler.
#include <fmt/format.h>

#include "protocols/amqp/connection.h"

namespace millrace::amqp {

Connection::Done Connection::open_channel(std::uint16_t number) {
  if (find_channel(number)) {
    return failure(ReplyCode::channel_error,
                   fmt::format("second 'channel.open' on channel {}", number));
  }
  if (number > channels_max_) {
    return failure(ReplyCode::not_allowed,
                   fmt::format("channel number {} is greater than the maximum allowed ({})", number,
                               channels_max_));
  }
  auto channel = std::make_unique<Channel>(number);
  channel->generation = ++generations_;
  channel->get_holder = queues().new_holder();
  channels_.emplace(number, std::move(channel));
  out_.method(number, ChannelOpenOk{});
  return {};
}

// What is decoded views what was read; nothing is read while it is handled.
Connection::Handled Connection::handle_method(Channel& channel, ByteView payload) {
  const MethodId id = method_id(payload);
  const std::uint16_t number = channel.number;
  auto run = [&]<class Kind>(std::type_identity<Kind>, auto handle) -> Done {
    auto method = decode<Kind>(payload);
    if (!method) return failure(method.error());
    return handle(*method);
  };
  switch (id) {
    case BasicAck::kId:
      co_return run(std::type_identity<BasicAck>(), [&](const BasicAck& method) {
        return settle(channel, method.delivery_tag, method.multiple, Verdict::acknowledged);
      });
    case BasicNack::kId:
      co_return run(std::type_identity<BasicNack>(), [&](const BasicNack& method) {
        return settle(channel, method.delivery_tag, method.multiple,
                      method.requeue ? Verdict::requeued : Verdict::rejected);
      });
    case BasicReject::kId:
      co_return run(std::type_identity<BasicReject>(), [&](const BasicReject& method) {
        return settle(channel, method.delivery_tag, false,
                      method.requeue ? Verdict::requeued_failed : Verdict::rejected);
      });
    case BasicQos::kId:
      co_return run(std::type_identity<BasicQos>(),
                    [&](const BasicQos& method) { return qos(channel, method); });
    case ConfirmSelect::kId:
      co_return run(std::type_identity<ConfirmSelect>(), [&](const ConfirmSelect& method) -> Done {
        if (channel.transactional) {
          return failure(ReplyCode::precondition_failed, "cannot switch from tx to confirm mode");
        }
        channel.confirms = true;
        if (!method.no_wait) out_.method(number, ConfirmSelectOk{});
        return {};
      });
    case TxSelect::kId:
      if (channel.confirms) {
        co_return failure(ReplyCode::precondition_failed, "cannot switch from confirm to tx mode");
      }
      channel.transactional = true;
      out_.method(number, TxSelectOk{});
      co_return Done{};
    case TxCommit::kId:
      co_return co_await commit(channel);
    case TxRollback::kId:
      if (!channel.transactional) {
        co_return failure(ReplyCode::precondition_failed, "channel is not transactional");
      }
      roll_back(channel);
      out_.method(number, TxRollbackOk{});
      co_return Done{};
    case BasicRecover::kId:
      co_return run(std::type_identity<BasicRecover>(), [&](const BasicRecover& method) -> Done {
        Done done = recover(channel, method.requeue);
        if (done) out_.method(number, BasicRecoverOk{});
        return done;
      });
    case BasicRecoverAsync::kId:
      co_return run(std::type_identity<BasicRecoverAsync>(), [&](const BasicRecoverAsync& method) {
        return recover(channel, method.requeue);
      });
    case ChannelFlow::kId:
      co_return run(std::type_identity<ChannelFlow>(), [&](const ChannelFlow& method) -> Done {
        if (!method.active) {
          return failure(ReplyCode::not_implemented, "channel.flow active=false");
        }
        out_.method(number, ChannelFlowOk{.active = true});
        return {};
      });
    case ChannelFlowOk::kId:
      co_return Done{};
    case ChannelClose::kId: {
      co_await drop_channel(number);
      out_.method(number, ChannelCloseOk{});
      flush_soon();
      co_return Done{};
    }
    case AccessRequest::kId:
      out_.method(number, AccessRequestOk{.ticket = 1});
      co_return Done{};
    default:
      break;
  }
  // What waits for others: first what was sent before it.
  publish_collected();
  settle_collected();
  flush();
  switch (id) {
#define MILLRACE_AMQP_HANDLE(Kind, handler)                  \
  case Kind::kId: {                                          \
    auto method = decode<Kind>(payload);                     \
    if (!method) co_return failure(method.error());          \
    co_return co_await handler(channel, std::move(*method)); \
  }
    MILLRACE_AMQP_HANDLE(ExchangeDeclare, declare)
    MILLRACE_AMQP_HANDLE(ExchangeDelete, remove)
    MILLRACE_AMQP_HANDLE(ExchangeBind, bind)
    MILLRACE_AMQP_HANDLE(ExchangeUnbind, unbind)
    MILLRACE_AMQP_HANDLE(QueueDeclare, declare)
    MILLRACE_AMQP_HANDLE(QueueBind, bind)
    MILLRACE_AMQP_HANDLE(QueueUnbind, unbind)
    MILLRACE_AMQP_HANDLE(QueuePurge, purge)
    MILLRACE_AMQP_HANDLE(QueueDelete, remove)
    MILLRACE_AMQP_HANDLE(BasicConsume, consume)
    MILLRACE_AMQP_HANDLE(BasicCancel, cancel)
    MILLRACE_AMQP_HANDLE(BasicGet, get)
#undef MILLRACE_AMQP_HANDLE
    default:
      break;
  }
  if (method_name(id).empty()) {
    co_return failure(ReplyCode::not_implemented, "there is no such method");
  }
  co_return failure(ReplyCode::command_invalid,
                    fmt::format("unexpected method {}", method_name(id)));
}

}  // namespace millrace::amqp
