#include "groups/events.h"

#include <limits>

#include "base/assert.h"

namespace millrace {
namespace {

enum Kind : std::uint64_t {
  kGenerationCommitted = 1,
  kOffsetsCommitted = 2,
  kOffsetsDeleted = 3,
  kGroupDeleted = 4,
};

enum EventField : std::uint32_t {
  kKind = 1,
  kGroup = 2,
  kGeneration = 3,   // GenerationCommitted
  kTopic = 4,        // OffsetsCommitted, OffsetsDeleted: of the partitions that follow
  kPartition = 5,    // begins an entry
  kOffset = 6,       // signed
  kLeaderEpoch = 7,  // absent: none
  kMetadata = 8,     // absent: empty
  kExpires = 9,      // signed; absent: by the group's retention
};

FieldWriter begin(Kind kind, std::string_view group) {
  FieldWriter writer;
  writer.put(kKind, kind);
  writer.put_text(kGroup, group);
  return writer;
}

std::optional<GroupEvent> read_generation_committed(std::string_view group, FieldReader reader) {
  GenerationCommitted event{.group = group};
  bool found = false;
  while (auto field = reader.next()) {
    if (field->number != kGeneration) continue;
    if (found || !read_generation(field->bytes, event.generation)) return std::nullopt;
    found = true;
  }
  if (!reader.ok() || !found) return std::nullopt;
  return event;
}

std::optional<GroupEvent> read_offsets_committed(std::string_view group, FieldReader reader) {
  OffsetsCommitted event{.group = group};
  std::optional<std::string_view> topic;
  while (auto field = reader.next()) {
    if (field->number == kTopic) {
      topic = field->text();
    } else if (field->number == kPartition) {
      if (!topic) return std::nullopt;
      OffsetsCommitted::Entry& entry = event.entries.emplace_back();
      entry.topic = *topic;
      if (!read_partition(*field, entry.partition)) return std::nullopt;
    } else if (field->number >= kOffset && field->number <= kExpires) {
      if (event.entries.empty()) return std::nullopt;
      OffsetsCommitted::Entry& entry = event.entries.back();
      if (field->number == kOffset) entry.offset = Offset(field->as_signed());
      if (field->number == kMetadata) entry.metadata = field->text();
      if (field->number == kExpires) entry.expires = WallMs(field->as_signed());
      if (field->number == kLeaderEpoch && !read_leader_epoch(*field, entry.leader_epoch)) {
        return std::nullopt;
      }
    }
  }
  if (!reader.ok() || event.entries.empty()) return std::nullopt;
  return event;
}

std::optional<GroupEvent> read_offsets_deleted(std::string_view group, FieldReader reader) {
  OffsetsDeleted event{.group = group};
  std::optional<std::string_view> topic;
  while (auto field = reader.next()) {
    if (field->number == kTopic) topic = field->text();
    if (field->number != kPartition) continue;
    if (!topic) return std::nullopt;
    OffsetsDeleted::Entry& entry = event.entries.emplace_back();
    entry.topic = *topic;
    if (!read_partition(*field, entry.partition)) return std::nullopt;
  }
  if (!reader.ok() || event.entries.empty()) return std::nullopt;
  return event;
}

}  // namespace

OffsetsCommittedWriter::OffsetsCommittedWriter(std::string_view group)
    : writer_(begin(kOffsetsCommitted, group)) {}

void OffsetsCommittedWriter::partition(std::int32_t partition, Offset offset,
                                       std::optional<LeaderEpoch> leader_epoch,
                                       std::string_view metadata, std::optional<WallMs> expires) {
  ASSERT(partition >= 0);
  if (empty_ || topic_ != topic_written_) writer_.put_text(kTopic, topic_);
  topic_written_ = topic_;
  empty_ = false;
  writer_.put(kPartition, static_cast<std::uint64_t>(partition));
  writer_.put_signed(kOffset, offset.value());
  if (leader_epoch) {
    ASSERT(leader_epoch->value() >= 0);
    writer_.put(kLeaderEpoch, static_cast<std::uint64_t>(leader_epoch->value()));
  }
  if (!metadata.empty()) writer_.put_text(kMetadata, metadata);
  if (expires) writer_.put_signed(kExpires, expires->value());
}

Event generation_committed(std::string_view group, const GenerationView& generation) {
  FieldWriter writer = begin(kGenerationCommitted, group);
  put_generation(writer, kGeneration, generation);
  return writer.take();
}

Event offsets_deleted(std::string_view group, const std::vector<TopicPartitions>& topics) {
  FieldWriter writer = begin(kOffsetsDeleted, group);
  for (const TopicPartitions& topic : topics) {
    if (topic.partitions.empty()) continue;
    writer.put_text(kTopic, topic.name);
    for (std::int32_t partition : topic.partitions) {
      ASSERT(partition >= 0);
      writer.put(kPartition, static_cast<std::uint64_t>(partition));
    }
  }
  return writer.take();
}

Event group_deleted(std::string_view group) { return begin(kGroupDeleted, group).take(); }

std::optional<GroupEvent> read_event(ByteView event) {
  FieldReader reader(event);
  auto kind = reader.next();
  auto group = reader.next();
  if (!kind || kind->number != kKind || !group || group->number != kGroup) return std::nullopt;
  switch (kind->value) {
    case kGenerationCommitted:
      return read_generation_committed(group->text(), reader);
    case kOffsetsCommitted:
      return read_offsets_committed(group->text(), reader);
    case kOffsetsDeleted:
      return read_offsets_deleted(group->text(), reader);
    case kGroupDeleted:
      return GroupDeleted{group->text()};
    default:
      return std::nullopt;
  }
}

bool read_partition(const Field& field, std::int32_t& partition) {
  if (field.value > std::numeric_limits<std::int32_t>::max()) return false;
  partition = static_cast<std::int32_t>(field.value);
  return true;
}

bool read_leader_epoch(const Field& field, std::optional<LeaderEpoch>& epoch) {
  if (field.value > std::numeric_limits<std::int32_t>::max()) return false;
  epoch = LeaderEpoch(static_cast<std::int32_t>(field.value));
  return true;
}

}  // namespace millrace
