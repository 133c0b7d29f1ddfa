// The durable changes of a group as bytes. Field 1 is the kind, field 2 the group.
//
//   GenerationCommitted   a leader has synced, a static member was replaced, or the group is empty
//   OffsetsCommitted      offsets of one commit
//   OffsetsDeleted        by command, or their retention has passed
//   GroupDeleted          with all its offsets
//
// Offsets are written flat, because a commit is the hottest event: a topic field names the topic of
// all partitions after it, a partition field begins an entry and the fields after it belong to it.
// So an entry costs no nested message, and a newer version can still add fields.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "groups/group.h"
#include "machine/machine.h"

namespace millrace {

// A generation about to be written, viewing a Group or a Generation.
struct GenerationView {
  GenerationId number;
  std::string_view protocol_type;
  std::string_view protocol_name;
  std::string_view leader;
  std::vector<const MemberInfo*> members;
};
GenerationView view_of(const Generation& generation);
GenerationView view_of(const Group& group);

// Writes OffsetsCommitted. The entries of one topic come one after the other.
class OffsetsCommittedWriter {
 public:
  explicit OffsetsCommittedWriter(std::string_view group);
  void topic(std::string_view name) { topic_ = name; }
  void partition(std::int32_t partition, Offset offset, std::optional<LeaderEpoch> leader_epoch,
                 std::string_view metadata, std::optional<WallMs> expires = std::nullopt);
  bool empty() const { return empty_; }
  Event take() { return writer_.take(); }

 private:
  FieldWriter writer_;
  std::string_view topic_;
  std::string_view topic_written_;
  bool empty_ = true;
};

Event generation_committed(std::string_view group, const GenerationView& generation);
Event offsets_deleted(std::string_view group, const std::vector<TopicPartitions>& topics);
Event group_deleted(std::string_view group);

// What apply() reads. Views point into the event.
struct GenerationCommitted {
  std::string_view group;
  Generation generation;  // without `since`: the time is apply's
};
struct OffsetsCommitted {
  struct Entry {
    std::string_view topic;
    std::int32_t partition = 0;
    Offset offset;
    std::optional<LeaderEpoch> leader_epoch;
    std::string_view metadata;
    std::optional<WallMs> expires;
  };
  std::string_view group;
  std::vector<Entry> entries;
};
struct OffsetsDeleted {
  struct Entry {
    std::string_view topic;
    std::int32_t partition = 0;
  };
  std::string_view group;
  std::vector<Entry> entries;
};
struct GroupDeleted {
  std::string_view group;
};
using GroupEvent =
    std::variant<GenerationCommitted, OffsetsCommitted, OffsetsDeleted, GroupDeleted>;

// Nothing when the bytes are damaged or of a kind this version does not know.
std::optional<GroupEvent> read_event(ByteView event);

// A generation as a nested message, in events and in snapshots. Reading refuses what no group can
// have been: a leader who is no member, a protocol somebody does not speak, an id twice.
void put_generation(FieldWriter& writer, std::uint32_t number, const GenerationView& generation);
bool read_generation(ByteView bytes, Generation& generation);

// Numbers from disk: false when out of range.
bool read_partition(const Field& field, std::int32_t& partition);
bool read_leader_epoch(const Field& field, std::optional<LeaderEpoch>& epoch);

}  // namespace millrace
