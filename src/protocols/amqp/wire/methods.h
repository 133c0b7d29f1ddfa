// Methods: the payload of a method frame to its struct and back.
//
//   switch (method_id(payload)) {
//     case BasicPublish::kId: return publish(decode<BasicPublish>(payload));
//     ...
//   }
//
// or, where speed does not matter, any of them at once:
//
//   Result<Method> method = decode_method(payload);
//   std::visit(overloaded{...}, *method);
//
// Strings of a decoded method are views of the payload; tables are copies. Malformed fields are
// invalid_request (502), a method that does not exist is unsupported_feature (540).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "protocols/amqp/wire/basic_methods.h"
#include "protocols/amqp/wire/big_endian.h"
#include "protocols/amqp/wire/channel_methods.h"
#include "protocols/amqp/wire/connection_methods.h"
#include "protocols/amqp/wire/exchange_methods.h"
#include "protocols/amqp/wire/field_codec.h"
#include "protocols/amqp/wire/method_id.h"
#include "protocols/amqp/wire/queue_methods.h"
#include "protocols/amqp/wire/transaction_methods.h"

namespace millrace::amqp {

using Method = std::variant<
    ConnectionStart, ConnectionStartOk, ConnectionSecure, ConnectionSecureOk, ConnectionTune,
    ConnectionTuneOk, ConnectionOpen, ConnectionOpenOk, ConnectionClose, ConnectionCloseOk,
    ConnectionBlocked, ConnectionUnblocked, ConnectionUpdateSecret, ConnectionUpdateSecretOk,
    ChannelOpen, ChannelOpenOk, ChannelFlow, ChannelFlowOk, ChannelClose, ChannelCloseOk,
    AccessRequest, AccessRequestOk, ExchangeDeclare, ExchangeDeclareOk, ExchangeDelete,
    ExchangeDeleteOk, ExchangeBind, ExchangeBindOk, ExchangeUnbind, ExchangeUnbindOk, QueueDeclare,
    QueueDeclareOk, QueueBind, QueueBindOk, QueuePurge, QueuePurgeOk, QueueDelete, QueueDeleteOk,
    QueueUnbind, QueueUnbindOk, BasicQos, BasicQosOk, BasicConsume, BasicConsumeOk, BasicCancel,
    BasicCancelOk, BasicPublish, BasicReturn, BasicDeliver, BasicGet, BasicGetOk, BasicGetEmpty,
    BasicAck, BasicReject, BasicRecoverAsync, BasicRecover, BasicRecoverOk, BasicNack,
    ConfirmSelect, ConfirmSelectOk, TxSelect, TxSelectOk, TxCommit, TxCommitOk, TxRollback,
    TxRollbackOk>;

// Class and method, in front of the fields.
inline constexpr std::size_t kMethodIdBytes = 4;

// What a payload begins with; of one that is too short 0, which is no method.
inline MethodId method_id(ByteView payload) {
  if (payload.size() < kMethodIdBytes) return {};
  return static_cast<MethodId>(load_number<std::uint32_t>(payload.data()));
}

// "basic.publish"; empty for one that does not exist.
std::string_view method_name(MethodId id);
// Whether a content (header and body frames) follows it.
constexpr bool carries_content(MethodId id) {
  return id == BasicPublish::kId || id == BasicReturn::kId || id == BasicDeliver::kId ||
         id == BasicGetOk::kId;
}

// "basic.publish: it ends inside of a number"
std::unexpected<Error> malformed(std::string_view what, const char* fault);

// The payload must begin with the id of `Kind`.
template <class Kind>
Result<Kind> decode(ByteView payload) {
  ASSERT(method_id(payload) == Kind::kId);
  FieldReader in(payload.subspan(kMethodIdBytes));
  Result<Kind> method(std::in_place);
  method->fields(in);
  if (!in.finish()) [[unlikely]]
    return malformed(Kind::kName, in.fault());
  return method;
}

Result<Method> decode_method(ByteView payload);

// What store_method writes: the id and the fields.
template <class Kind>
std::size_t method_bytes(const Kind& method) {
  FieldSizer size;
  method.fields(size);
  return kMethodIdBytes + size.bytes();
}

// Returns where the payload ends.
template <class Kind>
std::uint8_t* store_method(std::uint8_t* to, const Kind& method) {
  FieldWriter out(store_number(to, static_cast<std::uint32_t>(Kind::kId)));
  method.fields(out);
  return out.cursor();
}

}  // namespace millrace::amqp
