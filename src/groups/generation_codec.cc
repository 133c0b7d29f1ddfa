// A generation as numbered fields. A kind of field (number or bytes) that does not fit shows as a
// zero or an empty run, which the checks at the end refuse where it matters.
#include <limits>
#include <set>

#include "base/assert.h"
#include "groups/events.h"

namespace millrace {
namespace {

enum GenerationField : std::uint32_t {
  kNumber = 1,
  kProtocolType = 2,
  kProtocolName = 3,
  kLeader = 4,
  kMember = 5,
};
enum MemberField : std::uint32_t {
  kId = 1,
  kInstanceId = 2,
  kClientId = 3,
  kClientHost = 4,
  kSessionTimeoutMs = 5,
  kRebalanceTimeoutMs = 6,
  kProtocol = 7,  // in the order of preference
  kAssignment = 8,
};
enum ProtocolField : std::uint32_t {
  kName = 1,
  kMetadata = 2,
};

void put_member(FieldWriter& writer, const MemberInfo& info) {
  FieldWriter member;
  member.put_text(kId, info.id);
  if (info.instance_id) member.put_text(kInstanceId, *info.instance_id);
  member.put_text(kClientId, info.client_id);
  member.put_text(kClientHost, info.client_host);
  member.put(kSessionTimeoutMs, static_cast<std::uint64_t>(info.session_timeout.count()));
  member.put(kRebalanceTimeoutMs, static_cast<std::uint64_t>(info.rebalance_timeout.count()));
  for (const GroupProtocol& protocol : info.protocols) {
    FieldWriter nested;
    nested.put_text(kName, protocol.name);
    nested.put_bytes(kMetadata, protocol.metadata);
    member.put_message(kProtocol, nested);
  }
  member.put_bytes(kAssignment, info.assignment);
  writer.put_message(kMember, member);
}

bool read_timeout(const Field& field, std::chrono::milliseconds& timeout) {
  if (field.value > std::numeric_limits<std::int32_t>::max()) return false;
  timeout = std::chrono::milliseconds(field.value);
  return true;
}

Blob copy(ByteView bytes) { return Blob(bytes.begin(), bytes.end()); }

bool read_protocol(FieldReader reader, GroupProtocol& protocol) {
  while (auto field = reader.next()) {
    if (field->number == kName) protocol.name = field->text();
    if (field->number == kMetadata) protocol.metadata = copy(field->bytes);
  }
  return reader.ok();
}

bool read_member(FieldReader reader, MemberInfo& info) {
  while (auto field = reader.next()) {
    bool good = true;
    switch (field->number) {
      case kId:
        info.id = field->text();
        break;
      case kInstanceId:
        info.instance_id = std::string(field->text());
        break;
      case kClientId:
        info.client_id = field->text();
        break;
      case kClientHost:
        info.client_host = field->text();
        break;
      case kSessionTimeoutMs:
        good = read_timeout(*field, info.session_timeout);
        break;
      case kRebalanceTimeoutMs:
        good = read_timeout(*field, info.rebalance_timeout);
        break;
      case kProtocol:
        good = read_protocol(FieldReader(field->bytes), info.protocols.emplace_back());
        break;
      case kAssignment:
        info.assignment = copy(field->bytes);
        break;
      default:
        break;
    }
    if (!good) return false;
  }
  return reader.ok() && !info.id.empty();
}

bool is_possible(const Generation& generation) {
  if (generation.members.empty()) return generation.leader.empty();
  std::set<std::string_view> ids;
  std::set<std::string_view> instances;
  for (const MemberInfo& info : generation.members) {
    if (!ids.insert(info.id).second) return false;
    if (info.instance_id && !instances.insert(*info.instance_id).second) return false;
    if (!info.metadata(generation.protocol_name)) return false;
  }
  return ids.contains(generation.leader);
}

}  // namespace

GenerationView view_of(const Generation& generation) {
  GenerationView view{.number = generation.number,
                      .protocol_type = generation.protocol_type,
                      .protocol_name = generation.protocol_name,
                      .leader = generation.leader};
  for (const MemberInfo& info : generation.members) view.members.push_back(&info);
  return view;
}

GenerationView view_of(const Group& group) {
  GenerationView view{.number = group.generation,
                      .protocol_type = group.protocol_type,
                      .protocol_name = group.protocol_name,
                      .leader = group.leader()};
  view.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) view.members.push_back(&member.info);
  return view;
}

void put_generation(FieldWriter& writer, std::uint32_t number, const GenerationView& generation) {
  ASSERT(generation.number.value() >= 0);
  FieldWriter message;
  message.put(kNumber, static_cast<std::uint64_t>(generation.number.value()));
  message.put_text(kProtocolType, generation.protocol_type);
  message.put_text(kProtocolName, generation.protocol_name);
  message.put_text(kLeader, generation.leader);
  for (const MemberInfo* info : generation.members) put_member(message, *info);
  writer.put_message(number, message);
}

bool read_generation(ByteView bytes, Generation& generation) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case kNumber:
        if (field->value > std::numeric_limits<std::int32_t>::max()) return false;
        generation.number = GenerationId(static_cast<std::int32_t>(field->value));
        break;
      case kProtocolType:
        generation.protocol_type = field->text();
        break;
      case kProtocolName:
        generation.protocol_name = field->text();
        break;
      case kLeader:
        generation.leader = field->text();
        break;
      case kMember:
        if (!read_member(FieldReader(field->bytes), generation.members.emplace_back())) {
          return false;
        }
        break;
      default:
        break;
    }
  }
  return reader.ok() && is_possible(generation);
}

}  // namespace millrace
