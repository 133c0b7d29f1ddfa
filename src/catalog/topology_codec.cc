// Changes of the topology as bytes: of the catalogue's events and of its snapshots.
#include "base/assert.h"
#include "base/value_fields.h"
#include "catalog/topology.h"

namespace millrace {
namespace {

// Kinds and field numbers are part of the format.
enum Kind : std::uint64_t {
  kTenantAdded = 1,
  kTenantRemoved = 2,
  kExchangeAdded = 3,
  kExchangeRemoved = 4,
  kQueueAdded = 5,
  kQueueRemoved = 6,
  kBindingAdded = 7,
  kBindingRemoved = 8,
};
enum ChangeField : std::uint32_t {
  kKind = 1,
  kId = 2,
  kTenant = 3,
  kName = 4,
  kFlags = 5,
  kType = 6,
  kArguments = 7,
  kOwner = 8,
  kTopic = 9,
  kPartition = 10,
  kShard = 11,
  kToQueue = 12,
  kToExchange = 13,
};
enum Flag : std::uint64_t { kDurable = 1, kAutoDelete = 2, kInternal = 4, kExclusive = 8 };

void encode_binding(FieldWriter& out, Kind kind, const BindingInfo& binding) {
  out.put(kKind, kind);
  out.put(kId, binding.source.value());
  out.put_text(kName, binding.key);
  if (const auto* queue = std::get_if<QueueId>(&binding.destination)) {
    out.put(kToQueue, queue->value());
  } else {
    out.put(kToExchange, std::get<ExchangeId>(binding.destination).value());
  }
  if (!binding.arguments.empty()) put_value_table(out, kArguments, binding.arguments);
}

struct Encoder {
  FieldWriter& out;

  void operator()(const TenantAdded& change) const {
    out.put(kKind, kTenantAdded);
    out.put(kId, change.first_exchange.value());
    out.put_text(kName, change.name);
  }
  void operator()(const TenantRemoved& change) const {
    out.put(kKind, kTenantRemoved);
    out.put_text(kName, change.name);
  }
  void operator()(const ExchangeAdded& change) const {
    const ExchangeInfo& info = *change.exchange;
    out.put(kKind, kExchangeAdded);
    out.put(kId, info.id.value());
    out.put_text(kTenant, info.tenant);
    out.put_text(kName, info.name);
    out.put(kFlags, (info.durable ? kDurable : 0U) | (info.auto_delete ? kAutoDelete : 0U) |
                        (info.internal ? kInternal : 0U));
    out.put(kType, static_cast<std::uint64_t>(info.type));
    if (!info.arguments.empty()) put_value_table(out, kArguments, info.arguments);
  }
  void operator()(const ExchangeRemoved& change) const {
    out.put(kKind, kExchangeRemoved);
    out.put(kId, change.id.value());
  }
  void operator()(const QueueAdded& change) const {
    const QueueInfo& info = *change.queue;
    out.put(kKind, kQueueAdded);
    out.put(kId, info.id.value());
    out.put_text(kTenant, info.tenant);
    out.put_text(kName, info.name);
    out.put(kFlags, (info.durable ? kDurable : 0U) | (info.auto_delete ? kAutoDelete : 0U) |
                        (info.exclusive ? kExclusive : 0U));
    out.put(kOwner, info.owner.value());
    out.put_bytes(kTopic, info.topic);
    out.put(kPartition, info.partition.id.value());
    out.put(kShard, info.partition.shard.value());
    if (!info.arguments.empty()) put_value_table(out, kArguments, info.arguments);
  }
  void operator()(const QueueRemoved& change) const {
    out.put(kKind, kQueueRemoved);
    out.put(kId, change.id.value());
  }
  void operator()(const BindingAdded& change) const {
    encode_binding(out, kBindingAdded, change.binding);
  }
  void operator()(const BindingRemoved& change) const {
    encode_binding(out, kBindingRemoved, change.binding);
  }
};

// All fields that any change has.
struct Fields {
  std::uint64_t kind = 0;
  std::uint64_t id = 0;
  std::string tenant;
  std::string name;
  std::uint64_t flags = 0;
  std::uint64_t type = 0;
  ValueTable arguments;
  std::uint64_t owner = 0;
  TopicId topic{};
  std::uint64_t partition = 0;
  std::uint64_t shard = 0;
  std::uint64_t to_queue = 0;
  std::uint64_t to_exchange = 0;

  bool read(ByteView bytes);
};

bool Fields::read(ByteView bytes) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case kKind:
        kind = field->value;
        break;
      case kId:
        id = field->value;
        break;
      case kTenant:
        tenant = field->text();
        break;
      case kName:
        name = field->text();
        break;
      case kFlags:
        flags = field->value;
        break;
      case kType:
        type = field->value;
        break;
      case kArguments:
        if (!read_value_table(field->bytes, arguments)) return false;
        break;
      case kOwner:
        owner = field->value;
        break;
      case kTopic:
        if (field->bytes.size() != topic.size()) return false;
        std::copy(field->bytes.begin(), field->bytes.end(), topic.begin());
        break;
      case kPartition:
        partition = field->value;
        break;
      case kShard:
        shard = field->value;
        break;
      case kToQueue:
        to_queue = field->value;
        break;
      case kToExchange:
        to_exchange = field->value;
        break;
    }
  }
  return reader.ok();
}

bool make_exchange(Fields& fields, TopologyChange& change) {
  if (fields.type > static_cast<std::uint64_t>(ExchangeType::headers)) return false;
  ExchangeInfo info;
  info.id = ExchangeId(fields.id);
  info.tenant = std::move(fields.tenant);
  info.name = std::move(fields.name);
  info.type = static_cast<ExchangeType>(fields.type);
  info.durable = fields.flags & kDurable;
  info.auto_delete = fields.flags & kAutoDelete;
  info.internal = fields.flags & kInternal;
  info.arguments = std::move(fields.arguments);
  change = ExchangeAdded{std::make_shared<const ExchangeInfo>(std::move(info))};
  return true;
}

bool make_queue(Fields& fields, TopologyChange& change) {
  auto config = parse_queue_config(fields.arguments);
  if (!config || fields.shard >= kShardCount) return false;
  QueueInfo info;
  info.id = QueueId(fields.id);
  info.tenant = std::move(fields.tenant);
  info.name = std::move(fields.name);
  info.durable = fields.flags & kDurable;
  info.exclusive = fields.flags & kExclusive;
  info.auto_delete = fields.flags & kAutoDelete;
  info.owner = OwnerId(fields.owner);
  info.arguments = std::move(fields.arguments);
  info.config = std::move(*config);
  info.topic = fields.topic;
  info.partition = {PartitionId(fields.partition),
                    ShardId(static_cast<std::uint32_t>(fields.shard))};
  change = QueueAdded{std::make_shared<const QueueInfo>(std::move(info))};
  return true;
}

BindingInfo make_binding(Fields& fields) {
  BindingInfo binding;
  binding.source = ExchangeId(fields.id);
  if (fields.to_queue) {
    binding.destination = QueueId(fields.to_queue);
  } else {
    binding.destination = ExchangeId(fields.to_exchange);
  }
  binding.key = std::move(fields.name);
  binding.arguments = std::move(fields.arguments);
  return binding;
}

}  // namespace

void encode(FieldWriter& out, const TopologyChange& change) { std::visit(Encoder{out}, change); }

bool decode(ByteView bytes, TopologyChange& change) {
  Fields fields;
  if (!fields.read(bytes)) return false;
  switch (fields.kind) {
    case kTenantAdded:
      change = TenantAdded{std::move(fields.name), ExchangeId(fields.id)};
      return true;
    case kTenantRemoved:
      change = TenantRemoved{std::move(fields.name)};
      return true;
    case kExchangeAdded:
      return make_exchange(fields, change);
    case kExchangeRemoved:
      change = ExchangeRemoved{ExchangeId(fields.id)};
      return true;
    case kQueueAdded:
      return make_queue(fields, change);
    case kQueueRemoved:
      change = QueueRemoved{QueueId(fields.id)};
      return true;
    case kBindingAdded:
      change = BindingAdded{make_binding(fields)};
      return true;
    case kBindingRemoved:
      change = BindingRemoved{make_binding(fields)};
      return true;
    default:
      return false;
  }
}

}  // namespace millrace
