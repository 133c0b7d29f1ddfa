// The durable state as bytes: version, the number of groups, the groups by id. Offsets are written
// flat, as in events.
#include "base/assert.h"
#include "groups/events.h"
#include "groups/group_machine.h"

namespace millrace {
namespace {

constexpr std::uint64_t kVersion = 1;

enum SnapshotField : std::uint32_t {
  kSnapshotVersion = 1,
  kGroupCount = 2,
  kGroup = 3,
};
enum GroupField : std::uint32_t {
  kId = 1,
  kGeneration = 2,   // absent: only offsets were committed
  kSince = 3,        // signed; of the generation
  kTopic = 4,        // of the partitions that follow
  kPartition = 5,    // begins an entry
  kOffset = 6,       // signed
  kLeaderEpoch = 7,  // absent: none
  kMetadata = 8,     // absent: empty
  kTime = 9,         // signed
  kExpires = 10,     // signed; absent: by the group's retention
};

void put_offsets(FieldWriter& writer, const TopicOffsets& offsets) {
  for (const auto& [topic, partitions] : offsets) {
    writer.put_text(kTopic, topic);
    for (const auto& [partition, committed] : partitions) {
      writer.put(kPartition, static_cast<std::uint64_t>(partition));
      writer.put_signed(kOffset, committed.offset.value());
      if (committed.leader_epoch) {
        writer.put(kLeaderEpoch, static_cast<std::uint64_t>(committed.leader_epoch->value()));
      }
      if (!committed.metadata.empty()) writer.put_text(kMetadata, committed.metadata);
      writer.put_signed(kTime, committed.time.value());
      if (committed.expires) writer.put_signed(kExpires, committed.expires->value());
    }
  }
}

// One group of a snapshot, read field by field.
struct GroupRead {
  std::optional<GroupId> id;
  Group group;
  std::map<std::int32_t, CommittedOffset>* topic = nullptr;
  CommittedOffset* entry = nullptr;

  bool take(const Field& field) {
    switch (field.number) {
      case kId:
        id = GroupId(field.text());
        return true;
      case kGeneration:
        return read_generation(field.bytes, group.committed.emplace());
      case kTopic:
        return begin_topic(field);
      case kPartition:
        return begin_entry(field);
      case kSince:
        if (!group.committed) return false;
        group.committed->since = WallMs(field.as_signed());
        return true;
      case kOffset:
      case kLeaderEpoch:
      case kMetadata:
      case kTime:
      case kExpires:
        return entry != nullptr && take_of_entry(field);
      default:
        return true;
    }
  }
  bool begin_topic(const Field& field) {
    auto [found, is_new] = group.offsets.try_emplace(std::string(field.text()));
    topic = &found->second;
    entry = nullptr;
    return is_new;
  }
  bool begin_entry(const Field& field) {
    std::int32_t partition = 0;
    if (!topic || !read_partition(field, partition)) return false;
    auto [found, is_new] = topic->try_emplace(partition);
    entry = &found->second;
    return is_new;
  }
  bool take_of_entry(const Field& field) {
    if (field.number == kLeaderEpoch) return read_leader_epoch(field, entry->leader_epoch);
    if (field.number == kOffset) entry->offset = Offset(field.as_signed());
    if (field.number == kMetadata) entry->metadata = field.text();
    if (field.number == kTime) entry->time = WallMs(field.as_signed());
    if (field.number == kExpires) entry->expires = WallMs(field.as_signed());
    return true;
  }
  bool is_whole() const {
    for (const auto& [name, partitions] : group.offsets) {
      if (partitions.empty()) return false;
    }
    return id && group.is_durable();
  }
};

}  // namespace

void GroupMachine::snapshot(FieldWriter& writer) const {
  std::uint64_t count = 0;
  for (const auto& [id, group] : groups_) count += group.is_durable() ? 1 : 0;
  writer.put(kSnapshotVersion, kVersion);
  writer.put(kGroupCount, count);
  for (const auto& [id, group] : groups_) {
    if (!group.is_durable()) continue;
    FieldWriter message;
    message.put_text(kId, id);
    if (group.committed) {
      put_generation(message, kGeneration, view_of(*group.committed));
      message.put_signed(kSince, group.committed->since.value());
    }
    put_offsets(message, group.offsets);
    writer.put_message(kGroup, message);
  }
}

bool GroupMachine::restore(ByteView bytes) {
  ASSERT(!started_);
  Groups groups;
  std::optional<std::uint64_t> version;
  std::optional<std::uint64_t> count;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kSnapshotVersion) version = field->value;
    if (field->number == kGroupCount) count = field->value;
    if (field->number != kGroup) continue;
    GroupRead read;
    FieldReader message(field->bytes);
    while (auto part = message.next()) {
      if (!read.take(*part)) return false;
    }
    if (!message.ok() || !read.is_whole()) return false;
    if (!groups.emplace(std::move(*read.id), std::move(read.group)).second) return false;
  }
  if (!reader.ok() || version != kVersion || count != groups.size()) return false;
  groups_ = std::move(groups);
  return true;
}

}  // namespace millrace
