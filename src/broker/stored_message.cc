#include "broker/stored_message.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/assert.h"
#include "record/endian.h"

namespace millrace {
namespace {

StoredMessage message_of(const Record& record) {
  StoredMessage message;
  message.offset = record.offset;
  message.time = record.timestamp;
  if (record.value) message.fields.body = *record.value;
  for (const RecordHeader& header : record.headers) {
    if (!header.value) continue;
    if (header.key == kRoutingKeyHeader) {
      message.fields.routing_key = *header.value;
    } else if (header.key == kPropertiesHeader) {
      message.fields.properties = as_bytes(*header.value);
    } else if (header.key == kExchangeHeader) {
      message.fields.exchange = *header.value;
    } else if (header.key == kExpiresHeader && header.value->size() == sizeof(std::int64_t)) {
      message.fields.expires =
          WallMs(load_big_endian<std::int64_t>(as_bytes(*header.value).data()));
    } else if (header.key == kDeathsHeader) {
      message.fields.deaths = as_bytes(*header.value);
    }
  }
  return message;
}

// A message of a compressed batch: its bytes are the reader's, for as long as it lives.
StoredMessage copy_of(const StoredMessage& message, std::vector<Bytes>& held) {
  const MessageFields& from = message.fields;
  ByteView key = from.routing_key ? as_bytes(*from.routing_key) : ByteView();
  std::array<ByteView, 5> parts = {from.body, as_bytes(from.exchange), key, from.properties,
                                   from.deaths};
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  BufferRef buffer = Buffer::allocate(std::max<std::size_t>(size, 1));
  std::size_t position = 0;
  std::array<ByteView, 5> copies;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].empty()) std::memcpy(buffer->data() + position, parts[i].data(), parts[i].size());
    copies[i] = {buffer->data() + position, parts[i].size()};
    position += parts[i].size();
  }
  held.emplace_back(buffer, 0, size);
  StoredMessage copy = message;
  copy.fields.body = copies[0];
  copy.fields.exchange = as_text(copies[1]);
  if (from.routing_key) copy.fields.routing_key = as_text(copies[2]);
  copy.fields.properties = copies[3];
  copy.fields.deaths = copies[4];
  return copy;
}

}  // namespace

void add_message(BatchBuilder& batch, WallMs now, const MessageFields& message) {
  std::vector<RecordHeader> headers;
  std::array<std::uint8_t, sizeof(std::int64_t)> expires;
  headers.reserve(5);
  if (!message.exchange.empty()) headers.push_back({kExchangeHeader, message.exchange});
  if (message.routing_key) headers.push_back({kRoutingKeyHeader, *message.routing_key});
  if (!message.properties.empty()) {
    headers.push_back({kPropertiesHeader, as_text(message.properties)});
  }
  if (message.expires) {
    store_big_endian(expires.data(), message.expires->value());
    headers.push_back({kExpiresHeader, as_text(expires)});
  }
  if (!message.deaths.empty()) headers.push_back({kDeathsHeader, as_text(message.deaths)});
  batch.add(now, std::nullopt, message.body, std::move(headers));
}

Result<std::shared_ptr<const MessageBlock>> MessageBlock::decode(const ByteChain& batches,
                                                                 Offset next) {
  auto block = std::make_shared<MessageBlock>();
  Bytes all;
  // Most parts are whole batches.
  for (const Bytes& part : batches.parts()) {
    auto header = peek_batch_header(part.view());
    if (!header || header->size != part.size()) {
      all = batches.flatten();
      break;
    }
  }
  if (all.empty()) {
    for (const Bytes& part : batches.parts()) TRY(block->add_batch(part));
  }
  while (!all.empty()) {
    auto header = read_batch_header(all.view());
    if (!header) return fail(ErrorCode::storage_corrupt);
    TRY(block->add_batch(all.slice(0, header->size)));
    all = all.slice(header->size, all.size() - header->size);
  }
  block->end_ = next;
  return block;
}

Result<void> MessageBlock::add_batch(Bytes batch) {
  RecordReader reader(batch.view(), BatchLimits{});
  if (messages_.empty()) first_ = reader.header().base_offset;
  const bool is_plain = reader.header().compression() == Compression::none;
  if (!reader.header().is_control()) {
    messages_.reserve(messages_.size() + static_cast<std::size_t>(reader.header().record_count));
    while (auto record = reader.next()) {
      StoredMessage message = message_of(*record);
      messages_.push_back(is_plain ? message : copy_of(message, held_));
    }
    if (!reader.ok()) {
      return fail(ErrorCode::storage_corrupt, "a stored batch of a queue can't be read");
    }
  }
  if (is_plain) held_.push_back(std::move(batch));
  return {};
}

Bytes MessageBlock::bytes_of(ByteView part) const {
  if (part.empty()) return {};
  for (const Bytes& held : held_) {
    const std::uint8_t* begin = held.data();
    if (part.data() < begin || part.data() + part.size() > begin + held.size()) continue;
    return held.slice(static_cast<std::size_t>(part.data() - begin), part.size());
  }
  ASSERT(false);
  return {};
}

const StoredMessage* MessageBlock::find(Offset offset) const {
  if (messages_.empty() || offset < messages_.front().offset) return nullptr;
  // Offsets are dense but for what compaction left out.
  auto index = static_cast<std::size_t>(offset - messages_.front().offset);
  if (index < messages_.size() && messages_[index].offset == offset) return &messages_[index];
  auto found = std::ranges::lower_bound(messages_, offset, {}, &StoredMessage::offset);
  return found != messages_.end() && found->offset == offset ? &*found : nullptr;
}

}  // namespace millrace
