// The test host's own code; in a test file so that it stays out of the library.
#include "groups/test_host.h"

namespace millrace::groups_test {

Blob subscription(const std::vector<std::string>& topics) {
  Blob bytes;
  auto put = [&](std::uint32_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  put(1, 2);
  put(static_cast<std::uint32_t>(topics.size()), 4);
  for (const std::string& topic : topics) {
    put(static_cast<std::uint32_t>(topic.size()), 2);
    bytes.insert(bytes.end(), topic.begin(), topic.end());
  }
  put(0xFFFFFFFF, 4);  // no user data
  return bytes;
}

JoinGroup consumer(const GroupId& group, const std::string& client_id) {
  return {.group = group,
          .client_id = client_id,
          .client_host = "/10.0.0.1",
          .session_timeout = 10s,
          .rebalance_timeout = 60s,
          .protocol_type = "consumer",
          .protocols = {{"range", subscription({"orders"})}}};
}

JoinGroup consumer_again(const GroupId& group, const MemberId& member_id) {
  JoinGroup join = consumer(group, member_id.substr(0, member_id.find('-')));
  join.member_id = member_id;
  return join;
}

TestHost::TestHost(GroupLimits limits)
    : limits_(limits),
      machine_(std::make_unique<GroupMachine>(limits)),
      replayed_(std::make_unique<GroupMachine>(limits)) {
  base_ = snapshot();
  machine_->start(context());
}

MachineContext TestHost::context() {
  random_ = random_ * 6364136223846793005 + 1442695040888963407;
  return {.time = time_, .now = now_, .random = random_};
}

std::vector<std::uint8_t> TestHost::snapshot() const {
  FieldWriter writer;
  machine_->snapshot(writer);
  return writer.take();
}

RequestId TestHost::send(GroupCommand command) {
  RequestId request(++last_request_);
  parked_.insert(request);
  take(machine_->decide(context(), request, std::move(command)));
  run_timers();
  return request;
}

void TestHost::take(Outcome<GroupReply> outcome) {
  for (Event& event : outcome.events) {
    machine_->apply(time_, event);
    replayed_->apply(time_, event);
    log_.emplace_back(time_, std::move(event));
  }
  for (auto& [request, reply] : outcome.replies) {
    EXPECT_EQ(parked_.erase(request), 1u) << "answered twice, or never asked";
    replies_.emplace(request, std::move(reply));
  }
  check_replay();
}

void TestHost::check_replay() {
  std::vector<std::uint8_t> live = snapshot();
  FieldWriter writer;
  replayed_->snapshot(writer);
  ASSERT_EQ(live, writer.take()) << "replay differs from life";
  GroupMachine restored(limits_);
  ASSERT_TRUE(restored.restore(live));
  FieldWriter again;
  restored.snapshot(again);
  ASSERT_EQ(live, again.take()) << "a snapshot is not what was restored from it";
}

void TestHost::run_timers() {
  for (int calls = 0; machine_->next_timer() && *machine_->next_timer() <= now_; ++calls) {
    if (calls == 10'000) throw std::logic_error("a timer stays due");
    take(machine_->on_timer(context()));
  }
}

void TestHost::advance(std::chrono::milliseconds by) {
  MonotonicTime start = now_;
  WallMs start_time = time_;
  MonotonicTime end = now_ + Duration(by).count();
  while (machine_->next_timer() && *machine_->next_timer() <= end) {
    now_ = std::max(now_, *machine_->next_timer());
    time_ = start_time + (now_ - start) / 1'000'000;
    run_timers();
  }
  now_ = end;
  time_ = start_time + by.count();
}

void TestHost::stall(std::chrono::milliseconds by) {
  now_ = now_ + Duration(by).count();
  time_ = time_ + by.count();
  run_timers();
}

void TestHost::restart() {
  std::vector<std::uint8_t> before = snapshot();
  parked_.clear();
  machine_ = std::make_unique<GroupMachine>(limits_);
  ASSERT_TRUE(machine_->restore(base_));
  for (const auto& [time, event] : log_) machine_->apply(time, event);
  ASSERT_EQ(before, snapshot()) << "the broker came back with another state";
  now_ = MonotonicTime(5'000'000'000);  // another boot, another clock
  machine_->start(context());
  run_timers();
}

void TestHost::take_snapshot() {
  base_ = snapshot();
  log_.clear();
}

ErrorCode TestHost::heartbeat(const GroupId& group, GenerationId generation, const MemberId& member,
                              InstanceId instance) {
  return ask<HeartbeatReply>(Heartbeat{group, generation, member, std::move(instance)}).error;
}

RequestId TestHost::send_sync(const GroupId& group, GenerationId generation, const MemberId& member,
                              std::vector<SyncGroup::Assignment> assignments) {
  return send(SyncGroup{.group = group,
                        .generation = generation,
                        .member_id = member,
                        .assignments = std::move(assignments)});
}

ErrorCode TestHost::leave(const GroupId& group, const MemberId& member, InstanceId instance) {
  LeaveReply reply = ask<LeaveReply>(LeaveGroup{group, {{member, std::move(instance), "test"}}});
  return reply.error != ErrorCode::ok ? reply.error : reply.members.at(0).error;
}

ErrorCode TestHost::commit(const GroupId& group, const std::string& topic, std::int32_t partition,
                           std::int64_t offset, GenerationId generation, const MemberId& member) {
  OffsetCommitReply reply = ask<OffsetCommitReply>(
      OffsetCommit{.group = group,
                   .generation = generation,
                   .member_id = member,
                   .topics = {{topic, {{partition, Offset(offset), {}, ""}}}}});
  return reply.topics.at(0).partitions.at(0).error;
}

std::int64_t TestHost::committed(const GroupId& group, const std::string& topic,
                                 std::int32_t partition) {
  OffsetFetch fetch{.group = group, .topics = {{{topic, {partition}}}}};
  return ask<OffsetFetchReply>(fetch).topics.at(0).partitions.at(0).offset.value();
}

DescribeGroupReply TestHost::describe(const GroupId& group) {
  return ask<DescribeGroupReply>(DescribeGroup{group});
}

void TestHost::sync_all(const GroupId& group, const JoinReply& leader) {
  std::vector<SyncGroup::Assignment> assignments;
  for (const JoinReply::Member& member : leader.members) {
    assignments.push_back({member.member_id, blob("for " + member.member_id)});
  }
  RequestId sync = send_sync(group, leader.generation, leader.member_id, assignments);
  EXPECT_EQ(reply<SyncReply>(sync).error, ErrorCode::ok);
  for (const JoinReply::Member& member : leader.members) {
    if (member.member_id == leader.member_id) continue;
    RequestId follower = send_sync(group, leader.generation, member.member_id);
    EXPECT_EQ(reply<SyncReply>(follower).assignment, blob("for " + member.member_id));
  }
}

std::vector<MemberId> TestHost::make_stable(const GroupId& group, int consumers) {
  std::vector<RequestId> joins;
  for (int i = 0; i < consumers; ++i)
    joins.push_back(send(consumer(group, "c" + std::to_string(i))));
  advance(limits_.initial_rebalance_delay * 2);
  std::vector<MemberId> ids;
  for (RequestId join : joins) {
    const JoinReply& joined = reply<JoinReply>(join);
    if (joined.leader != joined.member_id) continue;
    sync_all(group, joined);
    ids.push_back(joined.member_id);
    for (const JoinReply::Member& member : joined.members) {
      if (member.member_id != joined.member_id) ids.push_back(member.member_id);
    }
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(consumers));
  EXPECT_EQ(state(group), GroupState::stable);
  return ids;
}

}  // namespace millrace::groups_test
