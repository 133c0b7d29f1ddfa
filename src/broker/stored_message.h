// StoredMessage: a record of a queue's log as the message that it is, whoever wrote it.
//
// A message published by a message-wise protocol is a record whose value is the body. What else
// there is to it stands in record headers, which any Kafka client reads by these names
// (docs/interoperability.md):
//
//   amqp.exchange       where it was published to; absent: the default exchange
//   amqp.routing-key    absent: the name of the queue it stands in
//   amqp.properties     its properties as they came: AMQP 0-9-1's flags and list
//   millrace.expires    when it expires, in milliseconds since 1970, int64 big-endian
//   millrace.deaths     of a dead letter: where it died and why (dead_letter.h)
//
// A record without them is a message without properties.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "record/batch.h"

namespace millrace {

inline constexpr std::string_view kExchangeHeader = "amqp.exchange";
inline constexpr std::string_view kRoutingKeyHeader = "amqp.routing-key";
inline constexpr std::string_view kPropertiesHeader = "amqp.properties";
inline constexpr std::string_view kExpiresHeader = "millrace.expires";
inline constexpr std::string_view kDeathsHeader = "millrace.deaths";

struct MessageFields {
  ByteView body;
  std::string_view exchange;
  std::optional<std::string_view> routing_key;  // nothing: the queue's name
  ByteView properties;
  std::optional<WallMs> expires;
  ByteView deaths;
};

// Adds it as a record.
void add_message(BatchBuilder& batch, WallMs now, const MessageFields& message);

struct StoredMessage {
  Offset offset;
  WallMs time{-1};  // when it arrived
  MessageFields fields;

  std::size_t size() const { return fields.body.size(); }
};

// Messages of whole batches, in order of offsets. Their fields view bytes that this keeps alive.
class MessageBlock {
 public:
  // storage_corrupt when a batch can't be read.
  static Result<std::shared_ptr<const MessageBlock>> decode(const ByteChain& batches, Offset next);

  // Null when the log has nothing at this offset.
  const StoredMessage* find(Offset offset) const;
  Offset first() const { return first_; }
  Offset end() const { return end_; }  // the next block begins here
  const std::vector<StoredMessage>& messages() const { return messages_; }
  // A part of a message of this block, which keeps the bytes alive by itself.
  Bytes bytes_of(ByteView part) const;

 private:
  Result<void> add_batch(Bytes batch);
  Offset first_;
  Offset end_;
  std::vector<Bytes> held_;
  std::vector<StoredMessage> messages_;
};

}  // namespace millrace
