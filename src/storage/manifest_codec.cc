#include "storage/manifest_codec.h"

namespace millrace {
namespace {

// Field numbers are part of the format: never reuse one.
enum EditField : std::uint32_t {
  kLeaderEpoch = 1,
  kClean = 2,
  kReplayFrom = 3,
  kDurableThrough = 4,
  kNextFileNumber = 5,
  kClusterId = 6,
  kPartition = 7,
  kRemoved = 8,
};
enum PartitionField : std::uint32_t {
  kId = 1,
  kLogStart = 2,
  kFlushedTo = 3,
  kSegment = 4,
  kEpoch = 5,
  kSnapshot = 6,
  kAnnotation = 7,
};

FieldWriter encode_segment(const SegmentState& segment) {
  FieldWriter out;
  out.put_signed(1, segment.base.value());
  out.put_signed(2, segment.end.value());
  out.put(3, segment.bytes);
  out.put_signed(4, segment.max_timestamp.value());
  out.put(5, segment.file_number);
  out.put_signed(6, segment.begun.value());
  return out;
}

bool decode_segment(ByteView bytes, SegmentState& segment) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case 1:
        segment.base = Offset(field->as_signed());
        break;
      case 2:
        segment.end = Offset(field->as_signed());
        break;
      case 3:
        segment.bytes = field->value;
        break;
      case 4:
        segment.max_timestamp = WallMs(field->as_signed());
        break;
      case 5:
        segment.file_number = field->value;
        break;
      case 6:
        segment.begun = WallMs(field->as_signed());
        break;
    }
  }
  return reader.ok();
}

FieldWriter encode_partition(const PartitionState& partition) {
  FieldWriter out;
  out.put(kId, partition.id.value());
  out.put_signed(kLogStart, partition.log_start.value());
  out.put_signed(kFlushedTo, partition.flushed_to.value());
  for (const SegmentState& segment : partition.segments) {
    out.put_message(kSegment, encode_segment(segment));
  }
  for (const EpochStart& epoch : partition.epochs) {
    FieldWriter message;
    message.put_signed(1, epoch.epoch.value());
    message.put_signed(2, epoch.start.value());
    out.put_message(kEpoch, message);
  }
  for (const SnapshotState& snapshot : partition.snapshots) {
    FieldWriter message;
    message.put_signed(1, snapshot.offset.value());
    message.put(2, snapshot.file_number);
    out.put_message(kSnapshot, message);
  }
  if (!partition.annotation.empty()) out.put_bytes(kAnnotation, partition.annotation);
  return out;
}

// Two numbers: signed field 1, and field 2 as it stands.
bool decode_pair(ByteView bytes, std::int64_t& first, Field& second) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == 1) first = field->as_signed();
    if (field->number == 2) second = *field;
  }
  return reader.ok();
}

bool decode_partition(ByteView bytes, PartitionState& partition) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    std::int64_t first = 0;
    Field second;
    switch (field->number) {
      case kId:
        partition.id = PartitionId(field->value);
        break;
      case kLogStart:
        partition.log_start = Offset(field->as_signed());
        break;
      case kFlushedTo:
        partition.flushed_to = Offset(field->as_signed());
        break;
      case kSegment:
        if (!decode_segment(field->bytes, partition.segments.emplace_back())) return false;
        break;
      case kEpoch:
        if (!decode_pair(field->bytes, first, second)) return false;
        partition.epochs.push_back(
            {LeaderEpoch(static_cast<std::int32_t>(first)), Offset(second.as_signed())});
        break;
      case kSnapshot:
        if (!decode_pair(field->bytes, first, second)) return false;
        partition.snapshots.push_back({Offset(first), second.value});
        break;
      case kAnnotation:
        partition.annotation.assign(field->bytes.begin(), field->bytes.end());
        break;
    }
  }
  return reader.ok();
}

}  // namespace

FieldWriter encode_edit(const ManifestEdit& edit) {
  FieldWriter out;
  if (edit.leader_epoch) out.put_signed(kLeaderEpoch, edit.leader_epoch->value());
  if (edit.clean) out.put(kClean, *edit.clean);
  if (edit.replay_from) out.put(kReplayFrom, edit.replay_from->value());
  if (edit.durable_through) out.put(kDurableThrough, edit.durable_through->value());
  if (edit.next_file_number) out.put(kNextFileNumber, *edit.next_file_number);
  if (edit.cluster_id) out.put_text(kClusterId, *edit.cluster_id);
  for (const PartitionState& partition : edit.partitions) {
    out.put_message(kPartition, encode_partition(partition));
  }
  for (PartitionId id : edit.removed) out.put(kRemoved, id.value());
  return out;
}

std::optional<ManifestEdit> decode_edit(ByteView bytes) {
  ManifestEdit edit;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case kLeaderEpoch:
        edit.leader_epoch = LeaderEpoch(static_cast<std::int32_t>(field->as_signed()));
        break;
      case kClean:
        edit.clean = field->value != 0;
        break;
      case kReplayFrom:
        edit.replay_from = JournalSequence(field->value);
        break;
      case kDurableThrough:
        edit.durable_through = JournalSequence(field->value);
        break;
      case kNextFileNumber:
        edit.next_file_number = field->value;
        break;
      case kClusterId:
        edit.cluster_id = std::string(field->text());
        break;
      case kPartition:
        if (!decode_partition(field->bytes, edit.partitions.emplace_back())) return std::nullopt;
        break;
      case kRemoved:
        edit.removed.push_back(PartitionId(field->value));
        break;
    }
  }
  if (!reader.ok()) return std::nullopt;
  return edit;
}

ManifestEdit edit_of_everything(const ManifestState& state) {
  ManifestEdit edit;
  edit.leader_epoch = state.leader_epoch;
  edit.clean = state.clean;
  edit.replay_from = state.replay_from;
  edit.durable_through = state.durable_through;
  edit.next_file_number = state.next_file_number;
  edit.cluster_id = state.cluster_id;
  for (const auto& [id, partition] : state.partitions) edit.partitions.push_back(partition);
  return edit;
}

void apply_edit(ManifestState& state, const ManifestEdit& edit) {
  if (edit.leader_epoch) state.leader_epoch = *edit.leader_epoch;
  if (edit.clean) state.clean = *edit.clean;
  if (edit.replay_from) state.replay_from = *edit.replay_from;
  if (edit.durable_through) state.durable_through = *edit.durable_through;
  if (edit.next_file_number) state.next_file_number = *edit.next_file_number;
  if (edit.cluster_id) state.cluster_id = *edit.cluster_id;
  for (const PartitionState& partition : edit.partitions) {
    state.partitions[partition.id] = partition;
  }
  for (PartitionId id : edit.removed) state.partitions.erase(id);
}

}  // namespace millrace
