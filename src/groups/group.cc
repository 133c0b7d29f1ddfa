#include "groups/group.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace millrace {

std::string_view group_state_name(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  ASSERT(false);
}

const Blob* MemberInfo::metadata(std::string_view protocol) const {
  auto found = std::ranges::find(protocols, protocol, &GroupProtocol::name);
  return found == protocols.end() ? nullptr : &found->metadata;
}

bool Group::is_nothing() const {
  return !is_durable() && state == GroupState::empty && members_.empty() && pending.empty();
}

void Group::begin_life() {
  ASSERT(members_.empty() && pending.empty());
  if (!committed) return;
  generation = committed->number;
  protocol_type = committed->protocol_type;
  protocol_name = committed->protocol_name;
  for (const MemberInfo& info : committed->members) add(info);
  leader_ = committed->leader;
  state = members_.empty() ? GroupState::empty : GroupState::stable;
  ASSERT(members_.empty() == leader_.empty());
}

Member* Group::find(std::string_view member_id) {
  auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const MemberId* Group::static_member(std::string_view instance_id) const {
  auto found = static_members_.find(instance_id);
  return found == static_members_.end() ? nullptr : &found->second;
}

ErrorCode Group::check_member(std::string_view member_id, const InstanceId& instance_id) const {
  if (instance_id) {
    const MemberId* holder = static_member(*instance_id);
    if (!holder) return ErrorCode::unknown_member_id;
    if (*holder != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.contains(member_id) ? ErrorCode::ok : ErrorCode::unknown_member_id;
}

bool Group::supports(std::string_view type, const std::vector<GroupProtocol>& protocols) const {
  if (state == GroupState::empty) return !type.empty() && !protocols.empty();
  if (type != protocol_type) return false;
  return std::ranges::any_of(protocols, [&](const GroupProtocol& protocol) {
    auto speakers = speakers_.find(protocol.name);
    return (speakers == speakers_.end() ? 0 : speakers->second) == members_.size();
  });
}

const std::string& Group::select_protocol() const {
  ASSERT(!members_.empty());
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    auto choice = std::ranges::find_if(member.info.protocols, [&](const GroupProtocol& protocol) {
      return speakers_.at(protocol.name) == members_.size();
    });
    ASSERT(choice != member.info.protocols.end());  // supports() was asked before each joined
    ++votes[choice->name];
  }
  auto most = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
  return speakers_.find(most->first)->first;
}

std::chrono::milliseconds Group::rebalance_timeout() const {
  std::chrono::milliseconds longest{0};
  for (const auto& [id, member] : members_) {
    longest = std::max(longest, member.info.rebalance_timeout);
  }
  return longest;
}

// A name listed twice counts once: a member is one speaker of it.
void Group::count_protocols(const MemberInfo& info, int by) {
  for (std::size_t i = 0; i < info.protocols.size(); ++i) {
    const std::string& name = info.protocols[i].name;
    auto before = info.protocols.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(info.protocols.begin(), before,
                     [&](const GroupProtocol& other) { return other.name == name; }) != before) {
      continue;
    }
    if (by > 0) {
      ++speakers_[name];
      continue;
    }
    auto speakers = speakers_.find(name);
    ASSERT(speakers != speakers_.end() && speakers->second > 0);
    if (--speakers->second == 0) speakers_.erase(speakers);
  }
}

Member& Group::add(MemberInfo info) {
  ASSERT(!info.id.empty());
  ASSERT(!members_.contains(info.id));
  if (info.instance_id) {
    ASSERT(static_members_.emplace(*info.instance_id, info.id).second);
  }
  count_protocols(info, 1);
  if (leader_.empty()) leader_ = info.id;
  MemberId id = info.id;
  Member& member = members_[id];
  member.info = std::move(info);
  return member;
}

Member Group::remove(std::string_view member_id) {
  auto found = members_.find(member_id);
  ASSERT(found != members_.end());
  Member member = std::move(found->second);
  members_.erase(found);
  count_protocols(member.info, -1);
  if (member.info.instance_id) static_members_.erase(*member.info.instance_id);
  if (member.parked_join) --joins_parked_;
  if (member.sync_pending) --syncs_pending_;
  if (leader_ == member.info.id) {
    leader_ = members_.empty() ? MemberId() : members_.begin()->first;
  }
  return member;
}

Member Group::replace(std::string_view old_id, MemberId new_id) {
  bool led = is_leader(old_id);
  Member old = remove(old_id);
  MemberInfo info = old.info;
  info.id = std::move(new_id);
  Member& member = add(std::move(info));
  if (led) leader_ = member.info.id;
  if (old.sync_pending) set_sync_pending(member, true);
  return old;
}

void Group::set_protocols(Member& member, std::vector<GroupProtocol> protocols) {
  count_protocols(member.info, -1);
  member.info.protocols = std::move(protocols);
  count_protocols(member.info, 1);
}

std::optional<RequestId> Group::park_join(Member& member, RequestId request) {
  std::optional<RequestId> before = take_join(member);
  member.parked_join = request;
  ++joins_parked_;
  return before;
}

std::optional<RequestId> Group::take_join(Member& member) {
  if (member.parked_join) --joins_parked_;
  return std::exchange(member.parked_join, std::nullopt);
}

void Group::set_sync_pending(Member& member, bool pending_now) {
  if (member.sync_pending == pending_now) return;
  member.sync_pending = pending_now;
  pending_now ? ++syncs_pending_ : --syncs_pending_;
}

bool Group::elect_joined_leader() {
  ASSERT(!members_.empty() && !leader_.empty());
  if (members_.at(leader_).parked_join) return true;
  for (const auto& [id, member] : members_) {
    if (!member.parked_join) continue;
    leader_ = id;
    return true;
  }
  return false;
}

}  // namespace millrace
